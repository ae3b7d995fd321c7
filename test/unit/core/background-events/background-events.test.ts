import { createRunMarks } from "../../../../src/core/log/open-run-marks.ts";
import { describe, expect, it } from "vitest";
import { createLocalPlatform } from "../../../../adapters/local/index.ts";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { createBackgroundEvents } from "../../../../src/core/background-events/background-events.ts";
import { createSessionEvents } from "../../../../src/core/session/session-events.ts";
import { drain, textOf } from "../../../contract/bytes.ts";
import { createFakeListening } from "../../../support/fake-listening.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { waitFor } from "../../../support/wait-for.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const IDLE_MS = 600_000;
const EVENT = '{"type":"CUSTOM","name":"n","value":12345678901234567890}';
const STARTED = '{"type":"RUN_STARTED","runId":"own","threadId":"t"}';
const FINISHED = '{"type":"RUN_FINISHED","runId":"own","threadId":"t"}';

/** A session with a log, and what listens to its runner. */
async function setUp() {
  const clock = createManualClock();
  const memory = createMemoryLogStore();
  const gate = { opened: Promise.resolve() };
  const store: typeof memory = {
    ...memory,
    append: async (key, bytes, options) => {
      await gate.opened;
      return memory.append(key, bytes, options);
    },
  };
  const feed = createMemoryLiveFeed();
  const listening = createFakeListening();
  const place = { address: "http://runner.invalid/" };
  const warnings: string[] = [];
  const logger = { info() {}, warn: (event: string) => void warnings.push(event), error() {} };
  const events = createSessionEvents();
  const sessions = sessionsOf(store, { feed, clock, logger, idleMs: IDLE_MS, events });
  const backgroundEvents = createBackgroundEvents({
    store,
    events,
    reattachMs: 300_000,
    marks: createRunMarks(store),
    feed,
    sessions,
    directory: { addressOf: () => Promise.resolve(place.address) },
    runner: listening.runner,
    platform: createLocalPlatform(),
    clock,
    logger,
    isInFlight: () => false,
  });
  const use = sessions.use(KEY);
  const logId = await use.session.loadOrCreate();
  use.release();
  return {
    ...listening,
    backgroundEvents,
    clock,
    feed,
    gate,
    place,
    logId,
    sessions,
    store,
    warnings,
    listen: (threadId = "t", log = logId) => backgroundEvents.listen(KEY, { threadId, logId: log }),
    lines: async () => {
      const current = (await store.stat(KEY))?.logId ?? "";
      const text = textOf(await drain(store.read(KEY, { logId: current })));
      return text === "" ? [] : text.slice(0, -1).split("\n");
    },
  };
}

/** Lets everything happen that waits for nothing else. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++)
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
}

type Scene = Awaited<ReturnType<typeof setUp>>;

/** Expects the next attempt after a pause of `ms` or up to a fifth less. */
async function expectPause({ clock, connections, next }: Scene, ms: number) {
  await waitFor(() => clock.pending === 1, { what: "the pause" });
  const before = connections.length;
  clock.advance(ms * 0.8 - 1);
  await settle();
  expect(connections).toHaveLength(before);
  clock.advance(ms * 0.2 + 1);
  return next();
}

describe("background events", () => {
  it("connects to the thread, and stores what comes as it is, together with what others append", async () => {
    const scene = await setUp();
    scene.listen("thread-1");
    const connection = await scene.next();
    expect(connection.request).toMatchObject({
      key: KEY,
      address: "http://runner.invalid/",
      threadId: "thread-1",
    });
    connection.accept();
    await connection.send(EVENT, '{ "b":1,"a":2 }');
    await connection.send('{"type":"LAST"}');
    expect(await scene.lines()).toEqual([EVENT, '{ "b":1,"a":2 }', '{"type":"LAST"}']);
    expect(scene.backgroundEvents.size).toBe(1);
    await scene.backgroundEvents.close();
    expect(connection.isClosed).toBe(true);
    expect([scene.backgroundEvents.size, scene.clock.pending]).toEqual([0, 0]);
  });

  it("comes back after 1 s, half as long again each time, at most 30 s", async () => {
    const scene = await setUp();
    scene.listen();
    let connection = await scene.next();
    for (let pauseMs = 1000, attempt = 0; attempt < 12; attempt++) {
      if (attempt % 3 === 0) connection.refuse("runner-unreachable");
      else if (attempt % 3 === 1) connection.refuse("runner-refused", { status: 500 });
      else {
        connection.accept();
        await connection.end(attempt % 2 === 0 ? "broken" : "end");
      }
      connection = await expectPause(scene, pauseMs);
      pauseMs = Math.min(pauseMs * 1.5, 30_000);
    }
    expect(scene.warnings).toEqual([]);
    await scene.backgroundEvents.close();
  });

  it.each(["end", "broken"] as const)(
    "begins with 1 s again after a connection that brought an event, whatever its end: %s",
    async (how) => {
      const scene = await setUp();
      scene.listen();
      (await scene.next()).refuse("runner-disconnected");
      (await expectPause(scene, 1000)).refuse("runner-unreachable");
      const connection = await expectPause(scene, 1500);
      connection.accept();
      await connection.send(EVENT);
      await connection.end(how);
      (await expectPause(scene, 1000)).refuse("runner-unreachable");
      await expectPause(scene, 1500);
      expect(await scene.lines()).toEqual([EVENT]);
      await scene.backgroundEvents.close();
    },
  );

  it.each([
    ["runner-refused", { status: 404 }],
    ["runner-refused", { status: 405 }],
    ["runner-not-an-event-stream", {}],
    ["runner-address-unfit", {}],
  ] as const)("stops at %s %j until the runner has another address", async (code, facts) => {
    const scene = await setUp();
    scene.listen();
    (await scene.next()).refuse(code, facts);
    await waitFor(() => scene.backgroundEvents.size === 0);
    scene.listen();
    await waitFor(() => scene.backgroundEvents.size === 0);
    expect(scene.connections).toHaveLength(1);
    scene.place.address = "http://another.invalid/";
    scene.listen();
    (await scene.next()).accept();
    expect(scene.connections).toHaveLength(2);
    await scene.backgroundEvents.close();
  });

  it.each([
    ["503", { status: 503 }],
    ["a thread that cannot be asked for", { status: 404, isAsked: false }],
  ])("stops at %s until the next run", async (_, facts) => {
    const scene = await setUp();
    scene.listen();
    (await scene.next()).refuse("runner-refused", facts);
    await waitFor(() => scene.backgroundEvents.size === 0);
    expect(scene.clock.pending).toBe(0);
    scene.listen();
    (await scene.next()).accept();
    expect(scene.connections).toHaveLength(2);
    await scene.backgroundEvents.close();
  });

  it("has one connection a session, to the thread of the latest run", async () => {
    const scene = await setUp();
    scene.listen("first");
    const first = await scene.next();
    first.accept();
    await first.send(STARTED);
    scene.listen("first");
    await settle();
    expect(scene.connections).toHaveLength(1);
    scene.listen("second");
    const second = await scene.next();
    // what the first left open was ended before the second began
    expect(first.isClosed).toBe(true);
    expect((await scene.lines()).at(-1)).toContain('"RUN_ERROR"');
    expect(second.request.threadId).toBe("second");
    // and the second has not even been answered when there is a third
    scene.listen("third");
    const third = await scene.next();
    expect([third.request.threadId, scene.backgroundEvents.size]).toEqual(["third", 1]);
    third.accept();
    await third.send(EVENT);
    await scene.backgroundEvents.close();
    expect(scene.connections).toHaveLength(3);
  });

  it("does not connect again before everything of the last connection is stored", async () => {
    const scene = await setUp();
    scene.listen("first");
    const first = await scene.next();
    first.accept();
    await first.send(STARTED);
    const { promise, resolve } = Promise.withResolvers<void>();
    scene.gate.opened = promise;
    scene.listen("second");
    await waitFor(() => first.isClosed);
    await settle();
    expect(scene.connections).toHaveLength(1);
    resolve();
    await scene.next();
    expect(await scene.lines()).toHaveLength(2);
    await scene.backgroundEvents.close();
  });

  it("can be hung up at any time, and goes on with the next run", async () => {
    const scene = await setUp();
    const moments: ((scene: Scene) => Promise<void>)[] = [
      async ({ next }) => void (await next()),
      async ({ next }) => (await next()).accept(),
      async ({ next }) => {
        const connection = await next();
        connection.accept();
        await connection.send(EVENT);
      },
      async ({ next, clock }) => {
        (await next()).refuse("runner-unreachable");
        await waitFor(() => clock.pending === 1);
      },
    ];
    for (const moment of moments) {
      scene.listen();
      await moment(scene);
      scene.backgroundEvents.stop(KEY);
      await waitFor(() => scene.backgroundEvents.size === 0);
      expect(scene.clock.pending).toBe(0);
    }
    // a run right after a stop is not taken for one that is listened to already
    scene.listen();
    await scene.next();
    scene.backgroundEvents.stop(KEY);
    scene.listen();
    (await scene.next()).accept();
    expect(scene.backgroundEvents.size).toBe(1);
    await scene.backgroundEvents.close();
    scene.listen();
    expect(scene.backgroundEvents.size).toBe(0);
  });
});

describe("listening and the session's state", () => {
  it("is no use of it: when nobody else uses it, it is released and the listener ends", async () => {
    const scene = await setUp();
    scene.listen();
    const connection = await scene.next();
    connection.accept();
    scene.clock.advance(IDLE_MS - 1);
    await connection.send(EVENT);
    expect(scene.sessions.used).toBe(0);
    scene.clock.advance(IDLE_MS - 1);
    scene.sessions.sweep();
    // the event was a use
    expect([scene.sessions.size, scene.backgroundEvents.size]).toEqual([1, 1]);
    scene.clock.advance(1);
    scene.sessions.sweep();
    expect(scene.sessions.size).toBe(0);
    await waitFor(() => scene.backgroundEvents.size === 0);
    expect(connection.isClosed).toBe(true);
  });

  it("keeps it while a run is open that only the listener knows", async () => {
    const scene = await setUp();
    scene.listen();
    const connection = await scene.next();
    connection.accept();
    await connection.send(STARTED);
    scene.clock.advance(3 * IDLE_MS);
    scene.sessions.sweep();
    expect(scene.sessions.used).toBe(1);
    await connection.send(FINISHED);
    expect(scene.sessions.used).toBe(0);
    scene.clock.advance(IDLE_MS);
    scene.sessions.sweep();
    await waitFor(() => scene.backgroundEvents.size === 0);
    expect(await scene.lines()).toEqual([STARTED, FINISHED]);
  });

  it("ends with the log, and writes into no other of the name", async () => {
    for (const isAnnounced of [true, false]) {
      const scene = await setUp();
      scene.listen();
      const connection = await scene.next();
      connection.accept();
      await connection.send(EVENT);
      await scene.store.delete(KEY);
      if (isAnnounced) scene.feed.publish({ ...KEY, logId: null, end: 0 });
      await scene.store.create(KEY);
      if (!isAnnounced) await connection.send(EVENT);
      await waitFor(() => scene.backgroundEvents.size === 0);
      expect(connection.isClosed).toBe(true);
      expect(await scene.lines()).toEqual([]);
    }
  });

  it("ends a run that it leaves open when the server stops", async () => {
    const scene = await setUp();
    scene.listen();
    const connection = await scene.next();
    connection.accept();
    await connection.send(STARTED);
    await scene.backgroundEvents.close();
    const [started, end] = await scene.lines();
    expect(started).toBe(STARTED);
    expect(JSON.parse(end ?? "")).toMatchObject({
      type: "RUN_ERROR",
      runId: "own",
      threadId: "t",
      code: "server-shutdown",
    });
    expect(scene.sessions.used).toBe(0);
  });
});
