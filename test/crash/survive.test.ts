import { describe, expect, it } from "vitest";
import {
  finishedEvent,
  runBody,
  type SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import {
  type ResumableRun,
  type ResumableRunner,
  startResumableRunner,
} from "../support/resumable-runner.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import {
  freshDir,
  freshRunner,
  type ServerProcess,
  sessionOf,
  startServer,
} from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";

const RUN = "r1";

interface World {
  readonly runner: ResumableRunner;
  readonly env: Readonly<Record<string, string>>;
  server: ServerProcess;
  /** No run is posted to it: sessions have one in these tests. */
  readonly nobody: FakeRunner;
}

const clientOf = ({ server, nobody }: World): SessionClient => sessionOf(server, nobody);

const restart = async (world: World): Promise<void> => {
  await world.server.exited;
  world.server = await startServer({ env: world.env });
};

/** A run of a runner that cannot be asked again: the stop of the server waits for it. */
async function openPlainRun(world: World): Promise<{ finish(): Promise<void> }> {
  world.runner.offer(false);
  const run = await posted(world);
  run.say(startedEvent(RUN));
  await waitFor(async () => (await clientOf(world).lines()).includes(startedEvent(RUN)));
  return {
    async finish() {
      run.say(finishedEvent(RUN));
      run.end();
    },
  };
}

async function posted(world: World): Promise<ResumableRun> {
  await clientOf(world).run(runBody(RUN));
  return waitFor(() => world.runner.run(RUN), { what: "the posted run" });
}

describe("what survives, beside the runs of survive-matrix.test.ts", () => {
  async function world(): Promise<World> {
    const runner = await startResumableRunner();
    const env = { STORAGE_URL: `file:${await freshDir()}`, RUNNER_URL: runner.address };
    const server = await startServer({ env });
    return { runner, env, server, nobody: await freshRunner() };
  }

  const custom = (seq: number): string => JSON.stringify({ type: "CUSTOM", name: "b", seq });
  const seqsIn = (lines: readonly string[]): unknown[] =>
    lines.flatMap((line) => {
      const { seq } = JSON.parse(line) as { seq?: number };
      return seq === undefined ? [] : [seq];
    });

  async function over(here: World, runId: string): Promise<void> {
    await clientOf(here).run(runBody(runId));
    const run = await waitFor(() => here.runner.run(runId));
    run.say(startedEvent(runId), finishedEvent(runId));
    run.end();
    await waitFor(() => run.isAcknowledged);
  }

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "events between runs, once each, and a run that the runner began there: %s",
    async (signal) => {
      const here = await world();
      await over(here, "r1");
      const thread = here.runner.thread("s1");
      thread.say(custom(1), startedEvent("own"), custom(2));
      await waitFor(async () => seqsIn(await clientOf(here).lines()).length === 2);
      here.server.kill(signal);
      thread.say(custom(3));
      await restart(here);
      // the run that is open is taken up at once, without anybody's help
      thread.say(custom(4), finishedEvent("own"), custom(5));
      await waitFor(async () => seqsIn(await clientOf(here).lines()).length === 5);
      here.runner.reset();
      thread.say(custom(6));
      await waitFor(async () => seqsIn(await clientOf(here).lines()).length === 6);
      here.server.kill(signal);
      thread.say(custom(7));
      await restart(here);
      // nothing was open: the next run brings the connection back, and with it what came meanwhile
      await over(here, "r2");
      await waitFor(async () => seqsIn(await clientOf(here).lines()).length === 7);
      const lines = await clientOf(here).lines();
      expect(seqsIn(lines)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(lines.filter((line) => line.includes("RUN_ERROR"))).toEqual([]);
      expect(lines.filter((line) => line === finishedEvent("own"))).toHaveLength(1);
    },
  );

  it("a runner that has lost the run ends it, and one that is cancelled is told so", async () => {
    const here = await world();
    const lost = await posted(here);
    lost.say(startedEvent(RUN), custom(1));
    await waitFor(async () => seqsIn(await clientOf(here).lines()).length === 1);
    here.runner.forget(RUN);
    here.runner.reset();
    const lines = await waitFor(async () => {
      const stored = await clientOf(here).lines();
      return stored.at(-1)?.includes("RUN_ERROR") === true && stored;
    });
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ code: "runner-lost-run", runId: RUN });
    await clientOf(here).run(runBody("r2"));
    const run = await waitFor(() => here.runner.run("r2"));
    run.say(startedEvent("r2"));
    await waitFor(async () => (await clientOf(here).lines()).includes(startedEvent("r2")));
    expect((await clientOf(here).post("/agui/cancel", '{"runId":"r2"}')).status).toBe(200);
    await waitFor(() => run.isAcknowledged);
    expect((await clientOf(here).lines()).at(-1)).toContain('"RUN_FINISHED"');
  });

  it("a runner that is away for longer than RUNLOG_REATTACH ends its run", async () => {
    const here = await world();
    here.server.kill();
    Object.assign(here, { env: { ...here.env, RUNLOG_REATTACH: "1s" } });
    await restart(here);
    const run = await posted(here);
    run.say(startedEvent(RUN));
    here.runner.behave(503);
    here.runner.reset();
    const last = await waitFor(async () => {
      const line = (await clientOf(here).lines()).at(-1) ?? "";
      return line.includes("RUN_ERROR") && line;
    });
    expect(JSON.parse(last)).toMatchObject({ code: "runner-disconnected" });
  });

  it("a viewer is told to come back soon, and /ready says that the server stops while it listens", async () => {
    const here = await world();
    here.server.kill();
    Object.assign(here, { env: { ...here.env, RUNLOG_DRAIN: "10s" } });
    await restart(here);
    // a runner of the other kind holds the stop up until its run has ended
    const plain = await openPlainRun(here);
    const response = await clientOf(here).get("/agui/events");
    const text = response.text();
    here.server.kill("SIGTERM");
    const ready = await waitFor(async () => {
      const answer = await here.server.fetch("/ready");
      return answer.status === 503 && answer;
    });
    expect(await ready.json()).toEqual({ status: "stopping", missing: [] });
    await plain.finish();
    const [, ms] = /\nretry: (\d+)\n$/.exec(await text) ?? [];
    expect(Number(ms)).toBeGreaterThanOrEqual(500);
    expect(Number(ms)).toBeLessThanOrEqual(1_000);
    await here.server.exited;
  });

  it("a run whose runner has it, and whose connection breaks before the answer", async () => {
    const here = await world();
    here.runner.behave("take");
    const run = await posted(here);
    here.runner.behave("serve");
    run.say(startedEvent(RUN), finishedEvent(RUN));
    run.end();
    await waitFor(() => run.isAcknowledged);
    expect((await clientOf(here).lines()).slice(1)).toEqual([
      startedEvent(RUN),
      finishedEvent(RUN),
    ]);
  });

  it("a run that waits behind one that survives is not waited for by a stop, and may be posted again", async () => {
    const here = await world();
    here.server.kill();
    // a stop that waited for the runs would not end
    Object.assign(here, { env: { ...here.env, RUNLOG_DRAIN: "24h" } });
    await restart(here);
    const run = await posted(here);
    run.say(startedEvent(RUN));
    await waitFor(async () => (await clientOf(here).lines()).includes(startedEvent(RUN)));
    await clientOf(here).run(runBody("r2"));
    here.server.kill("SIGTERM");
    expect(await here.server.exited).toEqual({ code: 0, signal: null });
    await restart(here);
    const stopped = await clientOf(here).lines();
    const ends = stopped.filter((line) => line.includes("RUN_ERROR"));
    expect(ends.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { runId: "r2", code: "run-not-started" },
    ]);
    await clientOf(here).run(runBody("r2"));
    run.say(finishedEvent(RUN));
    run.end();
    const second = await waitFor(() => here.runner.run("r2"), { what: "the second run" });
    second.say(startedEvent("r2"), finishedEvent("r2"));
    second.end();
    await waitFor(() => second.isAcknowledged);
    const lines = (await clientOf(here).lines()).slice(stopped.length);
    expect(lines.filter((line) => line.includes("RUN_ERROR"))).toEqual([]);
    expect(lines).toContain(finishedEvent(RUN));
    expect(lines.at(-1)).toBe(finishedEvent("r2"));
  });

  it("what routes requests hears that a server stops that has nothing to wait for, and streams go on meanwhile", async () => {
    const here = await world();
    here.server.kill();
    Object.assign(here, { env: { ...here.env, RUNLOG_STOP_LISTEN: "24h" } });
    await restart(here);
    const run = await posted(here);
    const { sse } = await clientOf(here).watch("?view=raw");
    here.server.kill("SIGTERM");
    await waitFor(async () => (await here.server.fetch("/ready")).status === 503);
    expect((await clientOf(here).post("/agui/run", runBody("r2"))).status).toBe(503);
    run.say(startedEvent(RUN));
    await sse.until(({ data }) => data === startedEvent(RUN));
    await sse.cancel();
    // a second signal waits for nothing
    here.server.kill("SIGTERM");
    expect(await here.server.exited).toEqual({ code: 1, signal: null });
  });

  it("a server that others reach listens on by itself for a moment, and exits in order", async () => {
    const here = await world();
    here.server.kill();
    const reached = { HOST: "0.0.0.0", RUNLOG_ALLOW_PUBLIC: "1" };
    Object.assign(here, { env: { ...here.env, ...reached } });
    await restart(here);
    const url = here.server.url.replace("0.0.0.0", "127.0.0.1");
    here.server.kill("SIGTERM");
    const ready = await waitFor(async () => {
      const answer = await fetch(`${url}/ready`);
      return answer.status === 503 && answer;
    });
    expect(await ready.json()).toEqual({ status: "stopping", missing: [] });
    expect(await here.server.exited).toEqual({ code: 0, signal: null });
  });
});
