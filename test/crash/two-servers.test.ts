import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  expectProblem,
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import type { ScriptedExchange } from "../contract/runner-client/scripted-runner.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import { BUCKET, type S3Server, startS3Server } from "../support/s3-server.ts";
import {
  freshRunner,
  runCli,
  runWhenFree,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(() => s3.close());

function envOf(runner: FakeRunner | null, prefix = crypto.randomUUID()): Record<string, string> {
  return {
    STORAGE_URL: `s3://${BUCKET}/${prefix}`,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    ...(runner && { RUNNER_URL: runner.address }),
  };
}

interface Pair {
  readonly runner: FakeRunner;
  readonly first: ServerProcess;
  /** The same session by the first server and by the second. */
  readonly owner: SessionClient;
  readonly other: SessionClient;
}

async function startPair(): Promise<Pair> {
  const runner = await freshRunner();
  const env = envOf(runner);
  const [first, second] = await Promise.all([startServer({ env }), startServer({ env })]);
  return { runner, first, owner: sessionOf(first, runner), other: sessionOf(second, runner) };
}

/** As `tell`, and leaves the stream open. */
async function say(exchange: ScriptedExchange, events: readonly string[]): Promise<void> {
  await exchange.answer(200, { "Content-Type": "text/event-stream" });
  for (const event of events) await exchange.write(`data: ${event}\n\n`);
}

/** Leaves a run open that has begun, and resolves when its first events are stored. */
async function beginRun(session: SessionClient, runner: FakeRunner, run: string): Promise<void> {
  runner.script((exchange) => say(exchange, [startedEvent(run)]));
  await runWhenFree(session, runBody(run));
  await waitFor(async () => (await session.lines()).includes(startedEvent(run)));
}

/** The run's terminal as the log has it, once it has one. */
function terminalOf(session: SessionClient, run: string): Promise<string> {
  return waitFor(
    async () =>
      (await session.lines()).find(
        (line) => /"type":"RUN_(ERROR|FINISHED)"/.test(line) && line.includes(`"${run}"`),
      ),
    { what: `the end of ${run}` },
  );
}

describe("two servers on one bucket", () => {
  it("show the same log; the one that does not have the session answers writes with 503, and takes over when the owner dies", async () => {
    const { runner, first, owner, other } = await startPair();
    await beginRun(owner, runner, "r1");
    expect(await other.lines()).toEqual(await owner.lines());

    const refused = await other.post("/agui/run", runBody("r2"));
    expect(refused.headers.get("Retry-After")).toMatch(/^\d+$/);
    await expectProblem(refused, 503, "Another server has the session; try again");
    const before = await owner.lines();
    expect(await other.lines()).toEqual(before);

    first.kill("SIGKILL");
    await first.exited;
    // the other one looks for orphaned runs, and ends them
    expect(JSON.parse(await terminalOf(other, "r1"))).toMatchObject({ code: "server-restarted" });
    runner.script((exchange) => tell(exchange, [startedEvent("r3"), finishedEvent("r3")]));
    await runWhenFree(other, runBody("r3"));
    const settled = await other.settled("r3");
    expect(settled.slice(0, before.length)).toEqual(before);
    expect(settled.slice(-2)).toEqual([startedEvent("r3"), finishedEvent("r3")]);
  });

  it("let an owner that slept win nothing when it wakes up, and it says so", async () => {
    const { runner, first, owner, other } = await startPair();
    const held = { go: (): void => {} };
    const woken = new Promise<void>((resolve) => {
      held.go = resolve;
    });
    runner.script(async (exchange) => {
      await say(exchange, [startedEvent("r1")]);
      await woken;
      for (const event of ['{"type":"CUSTOM","name":"late"}', finishedEvent("r1")])
        await exchange.write(`data: ${event}\n\n`);
      await exchange.end();
    });
    await runWhenFree(owner, runBody("r1"));
    await waitFor(async () => (await owner.lines()).includes(startedEvent("r1")));

    first.kill("SIGSTOP");
    await terminalOf(other, "r1");
    runner.script((exchange) => tell(exchange, [startedEvent("r2"), finishedEvent("r2")]));
    await runWhenFree(other, runBody("r2"));
    const log = await other.settled("r2");

    first.kill("SIGCONT");
    held.go();
    await waitFor(() => /run-failed|log-fenced|log-not-owned/.test(first.stderr()), {
      what: "the first server to say that it has lost",
    });
    const refused = await owner.post("/agui/run", runBody("r4"));
    expect(refused.status).toBe(503);
    expect(refused.headers.get("Retry-After")).toMatch(/^\d+$/);
    expect(await other.lines()).toEqual(log);
    expect(await owner.lines()).toEqual(log);
  });

  it("hand a session over without delay when its owner is stopped", async () => {
    const { runner, first, owner, other } = await startPair();
    runner.script((exchange) => tell(exchange, [startedEvent("r1"), finishedEvent("r1")]));
    await runWhenFree(owner, runBody("r1"));
    const log = await owner.settled("r1");
    first.kill("SIGTERM");
    expect((await first.exited).code).toBe(0);
    runner.script((exchange) => tell(exchange, [startedEvent("r2"), finishedEvent("r2")]));
    expect((await other.post("/agui/run", runBody("r2"))).status).toBe(200);
    expect((await other.settled("r2")).slice(0, log.length)).toEqual(log);
  });
});

describe("a start on a bucket", () => {
  it("that does not exist fails and says what makes it", async () => {
    const env = { ...envOf(null), STORAGE_URL: "s3://no-such-bucket/x" };
    const { code, stdout, stderr } = await runCli({ env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^runlog: Refused by the object store at .*, bucket no-such-bucket \(HTTP 404 .*RUNLOG_S3_CREATE_BUCKET=1\n$/,
    );
  });

  it("with a wrong key fails and says so, without the key", async () => {
    const env = { ...envOf(null), AWS_ACCESS_KEY_ID: "somebody-else" };
    const { code, stdout, stderr } = await runCli({ env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^runlog: Refused by the object store at .*, bucket .*\(HTTP 40\d.*\n$/);
    expect(stderr).not.toContain(s3.credentials.secretAccessKey);
  });
});
