import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import { lineOf, textOf } from "../contract/bytes.ts";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { ProjectClient } from "../contract/session-routes/project-client.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createTestServer } from "../support/test-server.ts";

const KEY: SessionKey = { project: "p1", session: "s1" };

/** A place where an operation stops until it is let go. */
function createGate() {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    open: opened.resolve,
    async pass() {
      reached.resolve();
      await opened.promise;
    },
  };
}

/** A memory store that stops before a deletion or after it, and the gate there. */
function slowlyDeletingStore(where: "before" | "after") {
  const memory = createMemoryLogStore();
  const gate = createGate();
  const store: LogStore = {
    ...memory,
    async delete(key) {
      if (where === "before") await gate.pass();
      const deleted = await memory.delete(key);
      if (where === "after") await gate.pass();
      return deleted;
    },
  };
  return { store, gate };
}

/** A memory store whose reads, from `hold` on, begin when they are let; and what was appended to it. */
function slowlyReadStore() {
  const memory = createMemoryLogStore();
  const gate = createGate();
  const appended: string[] = [];
  let isHeld = false;
  const store: LogStore = {
    ...memory,
    async append(key, bytes, options) {
      const end = await memory.append(key, bytes, options);
      appended.push(Buffer.concat([bytes].flat()).toString());
      return end;
    },
    read(key, options) {
      const opened = (isHeld ? gate.pass() : Promise.resolve()).then(() =>
        memory.read(key, options).getReader({ mode: "byob" }),
      );
      return new ReadableStream(
        {
          type: "bytes",
          async pull(controller) {
            const { value, done } = await (await opened).read(new Uint8Array(1024));
            if (done) controller.close();
            else controller.enqueue(value);
            if (done) controller.byobRequest?.respond(0);
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
  const hold = (): void => {
    isHeld = true;
  };
  return { store, gate, appended, hold };
}

/** A run that is open, and what a viewer sees of it whose first read has to wait. */
async function laggingViewer(clock: Clock = systemClock) {
  const { hold, ...slow } = slowlyReadStore();
  const server = await createTestServer({ store: slow.store, clock });
  const session = new SessionClient(server);
  const runner = await openRunner(server, () => session.run(runBody("r")));
  hold();
  const { sse } = await session.watch();
  const seen = sse.rest();
  await slow.gate.reached;
  return { ...slow, server, runner, seen };
}

async function seed(store: LogStore, ...lines: readonly Uint8Array[]): Promise<void> {
  const { logId } = await store.create(KEY);
  await store.append(KEY, lines, { logId, expectedEnd: 0 });
}

it("a session that cannot be deleted refuses runs while the end of its run is under way, and takes them after", async () => {
  const memory = createMemoryLogStore();
  const gate = createGate();
  let isBroken = false;
  const store: LogStore = {
    ...memory,
    async append(...given) {
      if (isBroken) await gate.pass();
      return memory.append(...given);
    },
    async delete(key) {
      if (isBroken) throw new RunlogError("store-failed", "this call was to fail");
      return memory.delete(key);
    },
  };
  const server = await createTestServer({ store });
  const session = new SessionClient(server);
  const runner = await openRunner(server, () => session.run(runBody("old")));
  await runner.write(`data: ${startedEvent("old")}\n\n`);
  await waitFor(async () => (await session.lines()).some((line) => line.includes("RUN_STARTED")));
  isBroken = true;
  expect((await new ProjectClient(server).send("DELETE", "s1")).status).toBe(500);
  await expectProblem(
    await session.post("/agui/run", runBody("new")),
    503,
    "Event log is not writable",
  );
  isBroken = false;
  gate.open();
  server.runner.script((exchange) => tell(exchange, [startedEvent("new"), finishedEvent("new")]));
  await waitFor(async () => (await session.post("/agui/run", runBody("new"))).status === 200);
  const lines = await session.settled("new");
  expect(lines.filter((line) => line.includes('"RUN_ERROR"'))).toHaveLength(1);
  await server.dispose();
}, 30_000);

describe("while a session is being deleted", () => {
  it("a run that is posted waits, and belongs to the session that is made after it", async () => {
    const { store, gate } = slowlyDeletingStore("before");
    const server = await createTestServer({ store });
    const session = new SessionClient(server);
    const runner = await openRunner(server, () => session.run(runBody("old")));
    await runner.write(`data: ${startedEvent("old")}\n\n`);
    const deleted = new ProjectClient(server).send("DELETE", "s1");
    await gate.reached;
    await waitFor(() => server.service.sessions.used === 0);
    server.runner.script((exchange) => tell(exchange, [finishedEvent("new")]));
    const posted = session.run(runBody("new"));
    const again = new ProjectClient(server).send("DELETE", "s1");
    await waitFor(() => server.service.sessions.used === 1);
    gate.open();
    expect((await deleted).status).toBe(204);
    await expectProblem(await again, 404, "Session not found");
    expect(await posted).toEqual({ runId: "new", threadId: "s1" });
    const lines = await session.settled("new");
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain('"old"');
    await server.dispose();
  });

  it("so does a run that was about to be admitted when the deletion began", async () => {
    const deleting = slowlyDeletingStore("before");
    const looking = createGate();
    await seed(deleting.store, lineOf(100));
    const server = await createTestServer({
      store: {
        ...deleting.store,
        async stat(key) {
          const stat = await deleting.store.stat(key);
          await looking.pass();
          return stat;
        },
      },
    });
    const session = new SessionClient(server);
    server.runner.script((exchange) => tell(exchange, [finishedEvent()]));
    const posted = session.run();
    await looking.reached;
    const deleted = new ProjectClient(server).send("DELETE", "s1");
    await deleting.gate.reached;
    looking.open();
    // it knows the old session now; only a run that waits for the other one leaves it as it is
    const use = server.service.sessions.use(KEY);
    await waitFor(() => use.session.isLoaded);
    use.release();
    expect(server.runner.requests).toEqual([]);
    deleting.gate.open();
    expect((await deleted).status).toBe(204);
    await posted;
    expect(await session.settled()).toHaveLength(2);
    await server.dispose();
  });

  it("so do runs that a slow store has not taken by the time that the log goes", async () => {
    const memory = createMemoryLogStore();
    const gate = createGate();
    let isGone = false;
    const store: LogStore = {
      ...memory,
      async append(key, bytes, options) {
        if (!isGone) await gate.pass();
        return memory.append(key, bytes, options);
      },
      async delete(key) {
        isGone = true;
        return memory.delete(key);
      },
    };
    const clock = createManualClock();
    const server = await createTestServer({ store, clock });
    const session = new SessionClient(server);
    server.runner.script((exchange) => {
      const { runId } = JSON.parse(textOf(exchange.request.body)) as { runId: string };
      return tell(exchange, [finishedEvent(runId)]);
    });
    const posted = ["slow", "after it"].map((runId) => session.run(runBody(runId)));
    await gate.reached;
    const deleted = new ProjectClient(server).send("DELETE", "s1");
    await waitFor(() => {
      clock.advance(500);
      return isGone;
    });
    expect(server.runner.requests).toEqual([]);
    gate.open();
    expect((await deleted).status).toBe(204);
    expect((await Promise.all(posted)).map(({ runId }) => runId)).toEqual(["slow", "after it"]);
    const lines = await session.settled("after it");
    expect(lines.filter((line) => line.includes("RUN_FINISHED"))).toEqual(
      ["slow", "after it"].map(finishedEvent),
    );
    expect(lines.join()).not.toContain("session-deleted");
    expect(server.service.bodyBudget.usedBytes).toBe(0);
    await server.dispose();
  });

  it("a stop that finds it gone between reading and writing says so", async () => {
    const { store, gate } = slowlyDeletingStore("before");
    const server = await createTestServer({ store });
    await new SessionClient(server).play([finishedEvent()]);
    const project = new ProjectClient(server);
    const deleted = project.send("DELETE", "s1");
    await gate.reached;
    // both have read the session by the time that it goes: their changes wait for their turn
    let reads = 0;
    const { directory } = server.service;
    const get = directory.get.bind(directory);
    Object.assign(directory, {
      get: async (key: SessionKey) => {
        const document = await get(key);
        reads++;
        return document;
      },
    });
    const stop = project.send("POST", "s1/stop");
    const start = project.send("POST", "s1/start");
    await waitFor(() => reads === 2);
    gate.open();
    expect((await deleted).status).toBe(204);
    const stopped = await stop;
    expect(stopped.status).toBe(200);
    expect(await stopped.json()).toEqual({
      message: "Session no longer exists (already deleted)",
    });
    await expectProblem(await start, 404, "Session not found");
    await server.dispose();
  });
});

describe("a viewer who lags when its session is deleted", () => {
  it("is still sent how the run has ended", async () => {
    const { store, gate, appended, server, runner, seen } = await laggingViewer();
    const deleted = new ProjectClient(server).send("DELETE", "s1");
    await runner.closed;
    await waitFor(() => appended.join("").includes("session-deleted"));
    gate.open();
    expect((await deleted).status).toBe(204);
    expect((await seen).at(-1)).toContain("session-deleted");
    expect(await store.stat(KEY)).toBeNull();
    await server.dispose();
  });

  it("keeps it from going for a moment only", async () => {
    const clock = createManualClock();
    const { store, gate, server, runner, seen } = await laggingViewer(clock);
    let status: number | null = null;
    const deleted = new ProjectClient(server).send("DELETE", "s1").then((response) => {
      status = response.status;
    });
    await runner.closed;
    await waitFor(() => {
      clock.advance(500);
      return status;
    });
    await deleted;
    expect(status).toBe(204);
    expect(await store.stat(KEY)).toBeNull();
    gate.open();
    expect(await seen).toEqual([]);
    await server.dispose();
  });
});

describe("a session that a directory keeps elsewhere", () => {
  it("is deleted with its log", async () => {
    const store = createMemoryLogStore();
    const server = await createTestServer({ store });
    await new SessionClient(server).play([finishedEvent()]);
    const elsewhere = { logsMakeSessions: false, delete: () => Promise.resolve(true) };
    Object.assign(server.service.directory, elsewhere);
    expect((await new ProjectClient(server).send("DELETE", "s1")).status).toBe(204);
    expect(await store.stat(KEY)).toBeNull();
    await server.dispose();
  });
});

describe("a viewer in the middle of a long replay", () => {
  it("is ended with its session, by a break if it stands within a frame", async () => {
    const server = await createTestServer({ store: createMemoryLogStore() });
    const session = new SessionClient(server);
    const long = `{"type":"CUSTOM","name":"long","value":"${"x".repeat(200_000)}"}`;
    await session.play([startedEvent(), long, long, finishedEvent()]);
    const { sse } = await session.watch();
    await sse.events(2);
    expect((await new ProjectClient(server).send("DELETE", "s1")).status).toBe(204);
    // a clean end would pass off a part of an event as the whole
    const outcome = await sse
      .event()
      .then(String, (reason: unknown) => `broken: ${String(reason)}`);
    expect(outcome).toMatch(/^broken: /);
    expect(outcome).not.toContain("ended within a frame");
    expect(server.service.pacer.open).toBe(0);
    await server.dispose();
  });

  it("is ended cleanly between two frames, also before the deletion is announced", async () => {
    const { store, gate } = slowlyDeletingStore("after");
    // as much as is read at once, so that the reader stands at the end of a frame
    await seed(store, lineOf(64 * 1024), lineOf(64 * 1024));
    const server = await createTestServer({ store });
    const { sse } = await new SessionClient(server).watch();
    await sse.events(1);
    const deleted = new ProjectClient(server).send("DELETE", "s1");
    await gate.reached;
    expect(await sse.event()).toBeNull();
    gate.open();
    expect((await deleted).status).toBe(204);
    await server.dispose();
  });
});
