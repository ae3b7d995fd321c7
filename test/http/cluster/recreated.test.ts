import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../../contract/session-routes/harness.ts";
import { nextTurn } from "../../contract/wait-for.ts";
import {
  type ClusterServer,
  createClusterServer,
  EDITOR,
  KEY,
  PROJECT,
  VIEWER,
} from "../../support/cluster-server.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const NEW = { metadata: {}, spec: { displayName: "Another" } };

async function freshServer(): Promise<ClusterServer> {
  const server = await createClusterServer();
  onTestFinished(() => server.dispose());
  return server;
}

/** Somebody deletes the session and makes one of its name, and runlog is not told. */
async function recreate({ directory }: ClusterServer): Promise<void> {
  await directory.delete(KEY);
  await directory.create(KEY, NEW);
}

/** The uid of the session that the log belongs to. */
async function ownerOf({ store }: ClusterServer): Promise<unknown> {
  const stat = await store.stat(KEY);
  return (JSON.parse(new TextDecoder().decode(stat?.document ?? undefined)) as { uid: unknown })
    .uid;
}

describe("a session that was made again under its name", () => {
  it("has a new log; whoever watches the old one sees its end", async () => {
    const server = await freshServer();
    const session = new SessionClient(server.seenBy(EDITOR));
    const old = await session.play([startedEvent(), finishedEvent()]);
    expect(old).toHaveLength(3);
    const { sse } = await session.watch();
    const seen = await sse.events(3);
    await recreate(server);

    server.runner.script((exchange) => tell(exchange, [finishedEvent("new")]));
    await session.run(runBody("new"));
    const lines = await session.settled("new");
    expect(lines).toHaveLength(2);
    expect(await sse.event()).toBeNull();

    const again = await session.watch("", { "Last-Event-ID": seen.at(-1)?.id ?? "" });
    expect(again.response.headers.get("X-Runlog-Replay")).toBe("full; reason=another-log");
    expect((await again.sse.events(2)).map(({ data }) => data)).toEqual(lines);
    await again.sse.cancel();
  });

  it("shows nothing of the old one to those who only read, seconds later at most", async () => {
    const clock = createManualClock();
    const server = await createClusterServer({ clock });
    onTestFinished(() => server.dispose());
    const session = new SessionClient(server.seenBy(EDITOR));
    await session.play([startedEvent(), finishedEvent()]);
    await recreate(server);
    clock.advance(5_000);
    const viewer = new SessionClient(server.seenBy(VIEWER));
    expect(await viewer.lines()).toEqual([]);
    expect(await server.store.stat(KEY)).toBeNull();
  });

  it("ends the runs of the old one, and takes none of their events", async () => {
    const server = await freshServer();
    const session = new SessionClient(server.seenBy(EDITOR));
    const runner = await openRunner(server, () => session.run(runBody("old")));
    await runner.write(`data: ${startedEvent("old")}\n\n`);
    const { sse } = await session.watch();
    await sse.events(2);
    const next = sse.event();
    await recreate(server);
    server.runner.script((exchange) => tell(exchange, [finishedEvent("new")]));
    await session.run(runBody("new"));
    const end = await next;
    expect(JSON.parse(end?.data ?? "{}")).toMatchObject({
      type: "RUN_ERROR",
      runId: "old",
      code: "session-deleted",
    });
    await runner.closed;
    const lines = await session.settled("new");
    expect(lines.map((line) => (JSON.parse(line) as { runId: string }).runId)).toEqual([
      "new",
      "new",
    ]);
  });

  it("gets one new log when many come at once", async () => {
    const server = await freshServer();
    const session = new SessionClient(server.seenBy(EDITOR));
    await session.play([startedEvent(), finishedEvent()]);
    await recreate(server);
    server.runner.script((exchange) => tell(exchange, []));
    const ids = ["a", "b", "c", "d"];
    await Promise.all(ids.map((id) => session.run(runBody(id))));
    const lines = await session.settled("d");
    for (const id of ids)
      expect(lines.filter((line) => line.includes(`"m-${id}"`))).toHaveLength(1);
    expect(lines.join()).not.toContain('"m-r"');
  });

  it("keeps its log from those who have read the old uid a moment before", async () => {
    const store = createMemoryLogStore();
    const server = await createClusterServer({ store });
    onTestFinished(() => server.dispose());
    const session = new SessionClient(server.seenBy(EDITOR));
    await session.play([finishedEvent()]);
    const old = await server.directory.get(KEY);
    await recreate(server);
    await session.play([finishedEvent()]);
    const lines = await session.lines();

    const late = { ...server.service.directory, get: async () => old };
    await server.service.incarnations.confirm(KEY, late, "now");
    await nextTurn();
    expect(await session.lines()).toEqual(lines);
  });

  it("gets nothing of what came after the deletion of the old one", async () => {
    const server = await freshServer();
    const session = new SessionClient(server.seenBy(EDITOR));
    await session.play([finishedEvent()]);
    const caller = await server.service.authorizer.identify({
      token: EDITOR,
      forwardedUser: null,
      forwardedName: null,
      peer: null,
      project: "p1",
    });
    expect((await server.as(EDITOR, "DELETE", `${PROJECT}/s1`)).status).toBe(204);
    // a request that had passed every check before
    const bytes = new TextEncoder().encode(runBody("late"));
    await server.service.runs.start(KEY, { bytes, release() {} }, caller);
    await server.directory.create(KEY, NEW);
    expect(await session.lines()).toEqual([]);
  });

  it("has its uid at its log from the first event on", async () => {
    const server = await freshServer();
    await openRunner(server, () => new SessionClient(server.seenBy(EDITOR)).run());
    expect(await ownerOf(server)).toBe((await server.directory.get(KEY))?.metadata.uid);
  });

  it("takes over a log of which nobody said whose it is", async () => {
    const store = createMemoryLogStore();
    const { logId } = await store.create(KEY);
    await store.append(KEY, new TextEncoder().encode('{"type":"CUSTOM"}\n'), {
      logId,
      expectedEnd: 0,
    });
    const server = await createClusterServer({ store });
    onTestFinished(() => server.dispose());
    const session = new SessionClient(server.seenBy(EDITOR));
    expect(await session.lines()).toEqual(['{"type":"CUSTOM"}']);
    const uid = (await server.directory.get(KEY))?.metadata.uid;
    expect(await ownerOf(server)).toBe(uid);
  });
});

describe("a session that is deleted", () => {
  it("goes with its runs, streams and logs, once the API server has let it go", async () => {
    const server = await freshServer();
    const session = new SessionClient(server.seenBy(EDITOR));
    const runner = await openRunner(server, () => session.run(runBody("r")));
    const { sse } = await session.watch();
    const over = sse.rest();
    const refused = await server.as(VIEWER, "DELETE", `${PROJECT}/s1`);
    await expectProblem(refused, 403, "Unauthorized");
    expect(server.service.runs.activeRun(KEY)).toMatchObject({ runId: "r" });

    server.state.directory = "fails";
    const failed = await server.as(EDITOR, "DELETE", `${PROJECT}/s1`);
    await expectProblem(failed, 500, "Failed to delete agentic session");
    expect(server.service.runs.activeRun(KEY)).toMatchObject({ runId: "r" });
    server.state.directory = "answers";

    expect((await server.as(EDITOR, "DELETE", `${PROJECT}/s1`)).status).toBe(204);
    await runner.closed;
    const rest = await over;
    expect(rest.join()).toContain("session-deleted");
    expect(await server.store.stat(KEY)).toBeNull();
    for (const [method, suffix] of [
      ["DELETE", ""],
      ["GET", ""],
      ["GET", "/export"],
      ["GET", "/agui/events"],
    ] as const)
      await expectProblem(
        await server.as(EDITOR, method, `${PROJECT}/s1${suffix}`),
        404,
        "Session not found",
      );
  });
});
