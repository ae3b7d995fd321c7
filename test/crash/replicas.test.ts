import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../scripts/bench/random.ts";
import type { ScriptedExchange } from "../contract/runner-client/scripted-runner.ts";
import { finishedEvent, runBody, startedEvent, tell } from "../contract/session-routes/harness.ts";
import { allOf, post, types } from "../contract/session-routes/standard-client.ts";
import { startReplicas } from "../support/replicas.ts";
import { startResumableRunner } from "../support/resumable-runner.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { freshRunner } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const SEED = Number(process.env["CRASH_SEED"] ?? Math.trunc(Math.random() * 2 ** 32));
/** Runs that are posted to random servers. */
const POSTS = Number(process.env["CRASH_POSTS"] ?? 200);
console.info(`replicas.test.ts: seed ${SEED}`);

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(() => s3.close());

const runIdOf = ({ request }: ScriptedExchange): string =>
  (JSON.parse(new TextDecoder().decode(request.body)) as { runId: string }).runId;

/** Runs that wait after the active one, by default (`RUNLOG_RUN_QUEUE`). */
const RUN_QUEUE = 8;

/** Answers each run with its own beginning and end. */
const answerRun = (exchange: ScriptedExchange): Promise<void> => {
  const runId = runIdOf(exchange);
  return tell(exchange, [startedEvent(runId), finishedEvent(runId)]);
};

/** The environment of a process whose clock is so much off. */
function clockOff(skewMs: number): Record<string, string> {
  const shift = `const now=Date.now;Date.now=()=>now()+${skewMs}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}` };
}

const LIVE = '{"type":"TEXT_MESSAGE_START","messageId":"m","role":"assistant"}';

describe("three servers behind round robin", () => {
  it("serve every request: none is refused, and each run is there once, in the order of the answers", async () => {
    const runner = await freshRunner();
    runner.script(answerRun);
    const { session } = await startReplicas(s3, runner, 3);
    const want: string[] = [];
    for (let i = 0; i < 22; i++) {
      const answer = await session(i).post("/agui/run", runBody(`r${i}`));
      expect(answer.status, await answer.text()).toBe(200);
      want.push(`r${i}`);
      if (i % 4 === 0)
        expect((await session(i + 1).post("/agui/run", runBody(`r${i}`))).status).toBe(200);
      if (i % 3 === 0) expect((await session(i + 2).get("/agui/messages")).status).toBe(200);
      await waitFor(async () => (await session(i + 1).lines()).includes(finishedEvent(`r${i}`)));
    }
    const lines = await session(0).lines();
    const begun = lines.filter((line) => line.startsWith('{"type":"RUN_STARTED"'));
    expect(begun).toEqual(want.map((runId) => startedEvent(runId)));
    for (let at = 1; at < 3; at++) expect(await session(at).lines()).toEqual(lines);
  });

  it(`admit ${POSTS} runs, 8 at a time, in one order, each exactly once, however they are spread and posted again`, async () => {
    const random = createRandom(SEED);
    const runner = await freshRunner();
    runner.script(answerRun);
    const { session } = await startReplicas(s3, runner, 3);
    let next = 0;
    const statuses = new Map<number, number>();
    const postRuns = async (): Promise<void> => {
      for (let i = next++; i < POSTS; i = next++) {
        for (;;) {
          const answer = await session(random.integer(3)).post("/agui/run", runBody(`r${i}`));
          await answer.text();
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          // the queue of a session is as long as on one server
          if (answer.status !== 409) break;
          await waitFor(async () => (await session(random.integer(3)).agentStatus()) === "idle");
        }
        if (i % 10 !== 0) continue;
        const again = await session(random.integer(3)).post("/agui/run", runBody(`r${i}`));
        expect(again.status).toBe(200);
        expect(await again.json()).toMatchObject({ runId: `r${i}` });
      }
    };
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: 8 }, postRuns));
    const tookMs = performance.now() - startedMs;
    expect([...statuses.keys()].filter((status) => status !== 200 && status !== 409)).toEqual([]);
    expect(statuses.get(200)).toBe(POSTS);
    await waitFor(async () => (await session(0).agentStatus()) === "idle");
    const lines = await session(1).lines();
    for (const event of [startedEvent, finishedEvent])
      for (let i = 0; i < POSTS; i++)
        expect(lines.filter((line) => line === event(`r${i}`))).toHaveLength(1);
    for (const at of [0, 2]) expect(await session(at).lines()).toEqual(lines);
    // the order of the log is that in which the runner was asked
    const posted = runner.requests.filter(({ path }) => path === "/runner/");
    const bodies = posted.map(({ body }) => new TextDecoder().decode(body));
    const asked = bodies.map((body) => (JSON.parse(body) as { runId: string }).runId);
    const begun = lines.filter((line) => line.startsWith('{"type":"RUN_STARTED"'));
    expect(begun).toEqual(asked.map((runId) => startedEvent(runId)));
    console.info(
      `${POSTS} runs in ${Math.round(tookMs)} ms; answers ${JSON.stringify([...statuses])}`,
    );
  }, 3_600_000);

  it("keep as many runs waiting as one server does, wherever they are posted, and refuse the others", async () => {
    const random = createRandom(SEED);
    const runner = await freshRunner();
    const first = Promise.withResolvers<void>();
    runner.script(async (exchange) => {
      await first.promise;
      await answerRun(exchange);
    });
    const { session } = await startReplicas(s3, runner, 3);
    // it is active, and its session has an owner
    expect((await session(0).post("/agui/run", runBody("r0"))).status).toBe(200);
    const postRun = async (runId: string): Promise<readonly [string, number]> => {
      const answer = await session(random.integer(3)).post("/agui/run", runBody(runId));
      const said: unknown = await answer.json();
      if (answer.status !== 200) expect(said).toMatchObject({ error: expect.any(String) });
      return [runId, answer.status];
    };
    const runIds = Array.from({ length: 24 }, (_, i) => `r${i + 1}`);
    const answers = await Promise.all(runIds.map(postRun));
    const taken = answers.flatMap(([runId, status]) => (status === 200 ? [runId] : []));
    expect(taken).toHaveLength(RUN_QUEUE);
    expect(answers.filter(([, status]) => status === 409)).toHaveLength(24 - RUN_QUEUE);
    // who was admitted gets the first answer again, although there is no room
    for (const runId of taken) expect(await postRun(runId)).toEqual([runId, 200]);
    first.resolve();
    await waitFor(async () => (await session(1).agentStatus()) === "idle");
    const begun = (await session(2).lines()).filter((line) => line.includes("RUN_STARTED"));
    expect(begun.toSorted()).toEqual(["r0", ...taken].map((id) => startedEvent(id)).toSorted());
  });

  it("show a live run as live wherever one connects; feedback and interrupt reach it from anywhere", async () => {
    const runner = await freshRunner();
    let exchange: ScriptedExchange | null = null;
    runner.script(async (given) => {
      await given.answer(200, { "Content-Type": "text/event-stream" });
      for (const event of [startedEvent("r1"), LIVE]) await given.write(`data: ${event}\n\n`);
      exchange = given;
    });
    const accept = async (given: ScriptedExchange): Promise<void> => {
      await given.answer(200, { "Content-Type": "application/json" });
      await given.write("{}");
      await given.end();
    };
    runner.script(accept, "feedback");
    runner.script(accept, "interrupt");
    const { session } = await startReplicas(s3, runner, 3);
    await session(0).run(JSON.stringify({ ...JSON.parse(runBody("r1")), threadId: "my-thread" }));
    await waitFor(async () => (await session(1).lines()).includes(LIVE));
    const streams = await Promise.all(
      [0, 1, 2].map((at) => post(session(at), "/agui/connect", {})),
    );
    for (const [at, suffix] of ["/agui/feedback", "/runner/feedback"].entries()) {
      const meta = JSON.stringify({ type: "META", metaType: "thumbs_up", payload: { at } });
      const answer = await session(at + 1).post(suffix, meta);
      expect(await answer.json()).toEqual({ message: "Feedback submitted", status: "sent" });
      expect((await session(at).lines()).filter((line) => line === meta)).toHaveLength(1);
    }
    expect((await session(2).post("/agui/interrupt", "{}")).status).toBe(200);
    const interrupts = runner.requests.filter(({ path }) => path.endsWith("/interrupt"));
    expect(interrupts.map(({ body }) => JSON.parse(new TextDecoder().decode(body)))).toEqual([
      { thread_id: "my-thread" },
    ]);
    const running = await waitFor(() => exchange, { what: "the run" });
    await running.write(`data: ${finishedEvent("r1")}\n\n`);
    await running.end();
    for (const sse of streams) {
      const seen = types(await allOf(sse));
      expect(seen.at(-1)).toBe("RUN_FINISHED");
      expect(seen).not.toContain("RUN_ERROR");
    }
  });
});

describe("a server that goes", () => {
  it("hands over at once when it is stopped: a run that can be taken up goes on elsewhere, and nobody waits for a lease", async () => {
    const runner = await startResumableRunner();
    const { servers, session } = await startReplicas(s3, runner, 2);
    await session(0).run(runBody("r1"));
    const run = await waitFor(() => runner.run("r1"), { what: "the run" });
    run.say(startedEvent("r1"), LIVE);
    await waitFor(async () => (await session(1).lines()).includes(LIVE));
    servers[0]?.kill("SIGTERM");
    expect(await servers[0]?.exited).toEqual({ code: 0, signal: null });
    // long before the lease would have lapsed it has been asked for the rest
    await waitFor(() =>
      runner.requests.some((request) => request.startsWith("GET /runs/r1/events")),
    );
    run.say(finishedEvent("r1"));
    run.end();
    const lines = await session(1).settled("r1");
    expect(lines.filter((line) => line === startedEvent("r1"))).toHaveLength(1);
    expect(lines.at(-1)).toBe(finishedEvent("r1"));
  });

  it.each([0, 60_000, -60_000])(
    "sleeps longer than its lease, its clock %i ms off: it wins nothing, and the new owner serves its callers",
    async (skewMs) => {
      const runner = await freshRunner();
      const held = Promise.withResolvers<void>();
      runner.script(async (exchange) => {
        const runId = runIdOf(exchange);
        if (runId !== "r1") return answerRun(exchange);
        await exchange.answer(200, { "Content-Type": "text/event-stream" });
        await exchange.write(`data: ${startedEvent(runId)}\n\n`);
        await held.promise;
        await exchange.write(`data: ${finishedEvent(runId)}\n\n`);
        await exchange.end();
      });
      const { servers, session } = await startReplicas(s3, runner, 2, (at) =>
        at === 0 ? clockOff(skewMs) : {},
      );
      await session(0).run(runBody("r1"));
      await waitFor(async () => (await session(1).lines()).includes(startedEvent("r1")));
      servers[0]?.kill("SIGSTOP");
      // posted to the other one while the owner sleeps: it waits, and is served
      const posted = await session(1).post("/agui/run", runBody("r2"));
      expect(posted.status, await posted.text()).toBe(200);
      const log = await session(1).settled("r2");
      expect(log.join("\n")).toContain('"server-restarted"');
      servers[0]?.kill("SIGCONT");
      held.resolve();
      await waitFor(() => /log-fenced|log-not-owned|run-failed/.test(servers[0]?.stderr() ?? ""), {
        what: "the one that slept to say that it has lost",
      });
      const later = await session(0).post("/agui/run", runBody("r3"));
      expect(later.status, await later.text()).toBe(200);
      const all = await session(0).settled("r3");
      expect(all.slice(0, log.length)).toEqual(log);
      expect(await session(1).lines()).toEqual(all);
      expect(all.filter((line) => line === finishedEvent("r1"))).toEqual([]);
    },
  );

  it("is killed: a run posted to another one is served once its lease has lapsed", async () => {
    const runner = await freshRunner();
    runner.script(answerRun);
    const { servers, session } = await startReplicas(s3, runner, 2);
    await session(0).run(runBody("r1"));
    await session(1).settled("r1");
    servers[0]?.kill("SIGKILL");
    await servers[0]?.exited;
    const posted = await session(1).post("/agui/run", runBody("r2"));
    expect(posted.status, await posted.text()).toBe(200);
    expect((await session(1).settled("r2")).at(-1)).toBe(finishedEvent("r2"));
  });
});

it("a server whose clock is a minute off takes nothing from one that works, and passes its posts on", async () => {
  for (const skewMs of [60_000, -60_000]) {
    const runner = await freshRunner();
    let exchange: ScriptedExchange | null = null;
    runner.script(async (given) => {
      if (runIdOf(given) !== "r1") return answerRun(given);
      await given.answer(200, { "Content-Type": "text/event-stream" });
      await given.write(`data: ${startedEvent("r1")}\n\n`);
      exchange = given;
    });
    const { session } = await startReplicas(s3, runner, 2, (at) =>
      at === 1 ? clockOff(skewMs) : {},
    );
    await session(0).run(runBody("r1"));
    await waitFor(async () => (await session(1).lines()).includes(startedEvent("r1")));
    expect((await session(1).post("/agui/run", runBody("r2"))).status).toBe(200);
    const running = await waitFor(() => exchange, { what: "the run" });
    await running.write(`data: ${finishedEvent("r1")}\n\n`);
    await running.end();
    const lines = await session(1).settled("r2");
    expect(lines.join("\n")).not.toContain("RUN_ERROR");
    expect(lines).toContain(finishedEvent("r1"));
  }
});
