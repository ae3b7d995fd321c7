import { describe, expect, it, onTestFinished } from "vitest";
import {
  answerJson,
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
  UNREACHABLE,
} from "../../contract/session-routes/harness.ts";
import { waitFor } from "../../contract/wait-for.ts";
import {
  type ClusterServer,
  type ClusterServerOptions,
  createClusterServer,
  EDITOR,
  KEY,
  PROJECT,
} from "../../support/cluster-server.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const OOM = { reason: "oom-killed", message: "The session's pod ran out of memory (OOMKilled)" };

async function freshServer(options: ClusterServerOptions = {}): Promise<ClusterServer> {
  const server = await createClusterServer(options);
  onTestFinished(() => server.dispose());
  return server;
}

function editorOf(server: ClusterServer, session = "s1"): SessionClient {
  return new SessionClient(server.seenBy(EDITOR), session);
}

/** The events of a log. */
function eventsOf(lines: readonly string[]): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function makeSession({ directory }: ClusterServer, session: string): Promise<void> {
  await directory.create({ project: "p1", session }, { metadata: {}, spec: {} });
}

describe("a caller's token", () => {
  it("goes to the runner with a run, with the name of its owner, and nowhere else", async () => {
    const server = await freshServer();
    const session = editorOf(server);
    for (const path of ["feedback", "interrupt", "capabilities", "mcp/status", "tasks"])
      server.runner.script((exchange) => answerJson(exchange, 200, {}), path);
    server.runner.script((exchange) => answerJson(exchange, 200, {}), "tasks/t1/output");
    server.runner.script((exchange) => answerJson(exchange, 200, {}), "tasks/t1/stop");
    await session.play([startedEvent(), finishedEvent()]);
    await session.post("/agui/feedback", '{"type":"META","metaType":"thumbs_up"}');
    await session.post("/agui/interrupt", "{}");
    await session.post("/agui/tasks/t1/stop", "{}");
    for (const path of [
      "/agui/capabilities",
      "/mcp/status",
      "/agui/tasks",
      "/agui/tasks/t1/output",
    ])
      await (await session.get(path)).text();

    const [run, ...others] = server.runner.requests;
    expect(run?.headers).toMatchObject({
      "x-caller-token": `Bearer ${EDITOR}`,
      "x-current-user-id": "ed-itor",
      "x-current-user-name": "ed:itor",
    });
    expect(others).toHaveLength(7);
    for (const { headers, path } of others) {
      expect(JSON.stringify(headers)).not.toContain(EDITOR);
      expect(path).not.toContain(EDITOR);
    }
    expect(run?.path).not.toContain(EDITOR);
    expect(new TextDecoder().decode(run?.body)).not.toContain(EDITOR);
    expect((await session.lines()).join()).not.toContain(EDITOR);
  });

  it("is never in the server's log, whatever goes wrong", async () => {
    const server = await freshServer();
    const session = editorOf(server);
    server.runner.script((exchange) => answerJson(exchange, 500, {}));
    await session.run();
    await session.settled();
    server.state.directory = "fails";
    const missing = editorOf(server, "missing");
    for (const suffix of ["", "/export", "/agui/events"]) await (await missing.get(suffix)).text();
    await (await server.fetch(`${missing.path}/agui/events?token=${EDITOR}`)).text();
    server.state.reviews = "fails";
    for (const suffix of ["", "/agui/events"]) await (await session.get(suffix)).text();
    await (await server.fetch(`${PROJECT}/s1/agui/events?token=${EDITOR}`)).text();
    expect(server.logged.length).toBeGreaterThan(4);
    expect(server.logged.join("\n")).not.toContain(EDITOR);
  });
});

describe("the platform", () => {
  it("is notified of each admitted run and of whatever its runner sends", async () => {
    const server = await freshServer();
    const runner = await openRunner(server, () => editorOf(server).run());
    expect(server.platform.notes).toEqual([{ ...KEY, what: "event" }]);
    await runner.write(`data: ${startedEvent()}\n\n`);
    await waitFor(() => server.platform.notes.length === 2);
    await runner.write('data: {"type":"SOMETHING_NEW"}\n\n');
    await waitFor(() => server.platform.notes.length === 3);
    expect(server.platform.notes.map(({ what }) => what)).toEqual([
      "event",
      "run-started",
      "event",
    ]);
  });

  it("is notified once that a run has ended, after the last one that waited", async () => {
    const server = await freshServer();
    const session = editorOf(server);
    const runner = await openRunner(server, () => session.run(runBody("a")));
    await session.run(runBody("b"));
    server.runner.script((exchange) => tell(exchange, [startedEvent("b"), finishedEvent("b")]));
    await runner.write(`data: ${startedEvent("a")}\n\ndata: ${finishedEvent("a")}\n\n`);
    await runner.end();
    await session.settled("b");
    const ends = (): string[] =>
      server.platform.notes.map(({ what }) => what).filter((what) => what.startsWith("run-ended"));
    await waitFor(() => ends().length > 0);
    expect(ends()).toEqual(["run-ended"]);
    await waitFor(() => server.service.runs.busySessions === 0);
    expect(ends()).toEqual(["run-ended"]);
  });

  it.each([
    ["an error of the runner", 500, "run-ended"],
    ["a runner that says nothing", 200, "run-ended"],
  ])("is told of %s that its runner was reached", async (_, status, what) => {
    const server = await freshServer();
    server.runner.script((exchange) => answerJson(exchange, status, ""));
    const session = editorOf(server);
    await session.run();
    await session.settled();
    await waitFor(() => server.platform.notes.at(-1)?.what === what);
  });

  it("is notified where a runner was never reached", async () => {
    const server = await freshServer();
    await makeSession(server, UNREACHABLE);
    const session = editorOf(server, UNREACHABLE);
    await session.run();
    await session.settled();
    await waitFor(() => server.platform.notes.at(-1)?.what === "run-ended-unreached");
  });

  it("is not notified of runs that the server or a deletion has ended", async () => {
    const server = await createClusterServer();
    const session = editorOf(server);
    await openRunner(server, () => session.run(runBody("a")));
    expect((await server.as(EDITOR, "DELETE", `${PROJECT}/s1`)).status).toBe(204);
    await makeSession(server, "s2");
    await openRunner(server, () => editorOf(server, "s2").run(runBody("b")));
    await server.dispose();
    expect(server.platform.notes.map(({ what }) => what)).toEqual(["event", "event"]);
  });

  it("is asked for the end of a pod only while a run is open", async () => {
    const server = await freshServer();
    const session = editorOf(server);
    const runner = await openRunner(server, () => session.run());
    expect(server.platform.watchers(KEY)).toBe(1);
    await runner.write(`data: ${finishedEvent()}\n\n`);
    await runner.end();
    await waitFor(() => server.platform.watchers(KEY) === 0);
  });
});

describe("a run whose pod ends", () => {
  it("ends with what became of the pod, though its connection breaks first", async () => {
    const clock = createManualClock();
    const server = await freshServer({ clock, limits: { podGraceMs: 3_000 } });
    const session = editorOf(server);
    const runner = await openRunner(server, () => session.run());
    await runner.write(`data: ${startedEvent()}\n\n`);
    await waitFor(() => server.platform.notes.length === 2);
    await runner.breakOff();
    await waitFor(() => server.service.runs.activeRun(KEY));
    clock.advance(1_000);
    server.platform.endPod(KEY, OOM);
    const end = eventsOf(await session.settled()).at(-1);
    expect(end).toMatchObject({
      type: "RUN_ERROR",
      threadId: "s1",
      runId: "r",
      code: "pod-oom-killed",
      message: OOM.message,
    });
  });

  it("ends so, too, where no connection tells that the pod has gone", async () => {
    const clock = createManualClock();
    const server = await freshServer({ clock, limits: { podGraceMs: 3_000 } });
    const session = editorOf(server);
    const runner = await openRunner(server, () => session.run());
    server.platform.endPod(KEY, { reason: "gone", message: "The session's pod has gone" });
    await runner.write(`data: ${startedEvent()}\n\n`);
    await waitFor(() => server.platform.notes.length === 2);
    await waitFor(() => {
      clock.advance(500);
      return server.service.runs.activeRun(KEY) === null;
    });
    await runner.closed;
    // what was still on its way when the pod ended is there
    expect(eventsOf(await session.settled()).slice(1)).toMatchObject([
      { type: "RUN_STARTED" },
      { type: "RUN_ERROR", code: "pod-gone" },
    ]);
  });

  it("ends by itself where the pod ended after its last word", async () => {
    const server = await freshServer();
    const session = editorOf(server);
    const runner = await openRunner(server, () => session.run());
    server.platform.endPod(KEY, { reason: "exit-0", message: "The session's pod has ended" });
    await runner.write(`data: ${startedEvent()}\n\ndata: ${finishedEvent()}\n\n`);
    await runner.end();
    expect(eventsOf(await session.settled()).at(-1)).toMatchObject({ type: "RUN_FINISHED" });
    await waitFor(() => server.service.runs.busySessions === 0);
    expect(eventsOf(await session.lines()).at(-1)).toMatchObject({ type: "RUN_FINISHED" });
  });

  it("gives up a runner that is not reached any more, and says why", async () => {
    const server = await freshServer({ limits: { podGraceMs: 60_000 } });
    await makeSession(server, UNREACHABLE);
    const key = { project: "p1", session: UNREACHABLE };
    const session = editorOf(server, UNREACHABLE);
    await session.run();
    await waitFor(() => server.platform.watchers(key) === 1);
    server.platform.endPod(key, { reason: "evicted", message: "The session's pod was evicted" });
    expect(eventsOf(await session.settled()).slice(1)).toMatchObject([
      { type: "RUN_STARTED" },
      { type: "RUN_ERROR", code: "pod-evicted" },
    ]);
  });

  it("is not said to have lost its pod when only the connection breaks", async () => {
    const clock = createManualClock();
    const server = await freshServer({ clock, limits: { podGraceMs: 3_000 } });
    const session = editorOf(server);
    const runner = await openRunner(server, () => session.run());
    await runner.write(`data: ${startedEvent()}\n\n`);
    await waitFor(() => server.platform.notes.length === 2);
    await runner.breakOff();
    await waitFor(() => {
      clock.advance(500);
      return server.service.runs.activeRun(KEY) === null;
    });
    expect(eventsOf(await session.settled()).at(-1)).toMatchObject({
      type: "RUN_ERROR",
      code: "runner-disconnected",
      message: "Runner stream ended before the run finished",
    });
  });
});

describe("background events", () => {
  it("begins again with the server for the sessions that run, and for no others", async () => {
    const first = await createClusterServer();
    for (const session of ["s1", "stopped", "never-ran"]) {
      if (session !== "s1") await makeSession(first, session);
      const phase = session === "stopped" ? "Stopped" : "Running";
      await first.directory.update({ project: "p1", session }, (document) => ({
        ...document,
        status: { phase },
      }));
      if (session === "never-ran") continue;
      first.runner.script((exchange) => tell(exchange, [finishedEvent(`run-${session}`)]));
      await editorOf(first, session).run(
        `{"threadId":"t-${session}","runId":"run-${session}","messages":[]}`,
      );
      await editorOf(first, session).settled(`run-${session}`);
    }
    await waitFor(() => first.service.runs.busySessions === 0);
    const second = await createClusterServer({ store: first.store, directory: first.directory });
    onTestFinished(async () => {
      await second.dispose();
      await first.dispose();
    });
    const listened = (): string[] => second.listened().map((path) => path.split("/").at(-1) ?? "");
    await waitFor(() => listened().length > 0);
    expect(new Set(listened())).toEqual(new Set(["t-s1"]));
    expect(second.service.backgroundEvents.size).toBeLessThanOrEqual(1);
  });
});
