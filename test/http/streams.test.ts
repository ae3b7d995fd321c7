import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { ServiceLimits } from "../../src/core/service.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import { drain, textOf, utf8 } from "../contract/bytes.ts";
import { collect } from "../contract/outcome.ts";
import type { SseFrame, SseReader } from "../contract/read-sse.ts";
import {
  expectProblem,
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { nextTurn, waitFor } from "../contract/wait-for.ts";
import { allReleased } from "../support/all-released.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createTestServer } from "../support/test-server.ts";

const KEY: SessionKey = { project: "p1", session: "s1" };
const HEARTBEAT = ": heartbeat\n";

const event = (value: number): string => `{"type":"CUSTOM","name":"n","value":${value}}`;
const events = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => event(from + i));
const linesOf = (texts: readonly string[]): Uint8Array<ArrayBuffer> =>
  utf8(texts.map((text) => `${text}\n`).join(""));

/** A server whose time stands still until the test lets it pass. */
async function startServer(store = createMemoryLogStore(), limits: Partial<ServiceLimits> = {}) {
  const clock = createManualClock();
  const server = await createTestServer({ store, limits, clock });
  onTestFinished(() => server.dispose());
  return { ...server, clock, session: new SessionClient(server) };
}

type TestServer = Awaited<ReturnType<typeof startServer>>;

/** Appends without a run, as another process would. */
async function append(store: LogStore, texts: readonly string[], key = KEY) {
  const { logId, end } = await store.create(key);
  const grown = await store.append(key, linesOf(texts), { logId, expectedEnd: end.raw });
  return { ...key, logId, end: grown };
}

async function appendAndAnnounce({ service }: TestServer, texts: readonly string[]): Promise<void> {
  service.feed.publish(await append(service.store, texts));
}

async function stored(store: LogStore): Promise<string[]> {
  const stat = await store.stat(KEY);
  const text = stat === null ? "" : textOf(await drain(store.read(KEY, { logId: stat.logId })));
  return text.split("\n").slice(0, -1);
}

/** The frame after the first one, which must be the hint when to come back. */
async function skipRetry(sse: SseReader): Promise<void> {
  expect((await sse.frame())?.retry).toMatch(/^\d+$/);
}

/** Asks for the next frame and makes sure that the stream has nothing to give yet. */
async function waitingFrame(sse: SseReader): Promise<{ frame: Promise<SseFrame | null> }> {
  const frame = sse.frame();
  await expectPending(frame);
  return { frame };
}

async function expectPending(frame: Promise<SseFrame | null>): Promise<void> {
  const pending = Symbol("pending");
  expect(await Promise.race([frame, nextTurn().then(() => pending)])).toBe(pending);
}

/** `store` with reads that hang at byte `at` of the log until they are released. */
function hangingAt(store: LogStore, at: number) {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const read: LogStore["read"] = (key, options) => {
    async function* chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
      yield* store.read(key, { ...options, end: at });
      await released;
      yield* store.read(key, { ...options, start: at });
    }
    const source = chunks();
    return new ReadableStream(
      {
        type: "bytes",
        async pull(controller) {
          const { value, done } = await source.next();
          if (!done) return controller.enqueue(value);
          controller.close();
          controller.byobRequest?.respond(0);
        },
      },
      { highWaterMark: 0 },
    );
  };
  return { store: { ...store, read }, release };
}

describe("heartbeats (PROTOCOL 4.4)", () => {
  it("are sent after 15 s of silence, and again after each 15 s more", async () => {
    const { clock, session } = await startServer();
    const { sse } = await session.watch();
    await skipRetry(sse);
    for (let i = 0; i < 3; i++) {
      const { frame } = await waitingFrame(sse);
      clock.advance(14_000);
      await expectPending(frame);
      clock.advance(1_000);
      expect((await frame)?.raw).toBe(HEARTBEAT);
    }
  });

  it("are not sent while events flow", async () => {
    const server = await startServer();
    await append(server.service.store, [event(0)]);
    const { sse } = await server.session.watch();
    await skipRetry(sse);
    expect((await sse.frame())?.data).toBe(event(0));
    for (let i = 1; i <= 20; i++) {
      const { frame } = await waitingFrame(sse);
      server.clock.advance(14_000);
      await appendAndAnnounce(server, [event(i)]);
      expect((await frame)?.data).toBe(event(i));
    }
  });

  it("are sent during a replay whose read hangs between two events", async () => {
    const texts = events(0, 10);
    const inner = createMemoryLogStore();
    await append(inner, texts);
    const { store, release } = hangingAt(inner, linesOf(texts.slice(0, 5)).length);
    const { clock, session } = await startServer(store);
    const { sse } = await session.watch();
    await skipRetry(sse);
    const seen = await sse.events(5);
    for (let i = 0; i < 2; i++) {
      const { frame } = await waitingFrame(sse);
      clock.advance(15_000);
      expect((await frame)?.raw).toBe(HEARTBEAT);
    }
    release();
    seen.push(...(await sse.events(5)));
    expect(seen.map(({ data }) => data)).toEqual(texts);
  });

  it("are not sent within an event, however long its rest takes", async () => {
    const texts = events(0, 10);
    const inner = createMemoryLogStore();
    await append(inner, texts);
    const { store, release } = hangingAt(inner, linesOf(texts.slice(0, 5)).length + 7);
    const { clock, session } = await startServer(store);
    const { sse } = await session.watch();
    await skipRetry(sse);
    await sse.events(5);
    const { frame } = await waitingFrame(sse);
    clock.advance(600_000);
    await expectPending(frame);
    release();
    expect((await frame)?.data).toBe(texts[5]);
    expect((await sse.events(4)).at(-1)?.data).toBe(texts[9]);
    const { frame: idle } = await waitingFrame(sse);
    clock.advance(15_000);
    expect((await idle)?.raw).toBe(HEARTBEAT);
  });
});

describe("HEAD of the events (PROTOCOL 4.7)", () => {
  it("opens nothing, also when there is no room for another stream", async () => {
    const { service, session } = await startServer(createMemoryLogStore(), { maxStreams: 0 });
    const { store } = service;
    await append(store, events(0, 10));
    const calls = (["create", "append", "read", "stat"] as const).map((name) =>
      vi.spyOn(store, name),
    );
    for (const query of ["", "?view=raw", "?after=0123456789abcdef-r0"]) {
      const response = await session.get(`/agui/events${query}`, {}, "HEAD");
      expect(response.status).toBe(200);
      expect(response.headers.get("Content-Type")).toBe("text/event-stream");
      expect(await response.text()).toBe("");
    }
    for (const call of calls) expect(call).not.toHaveBeenCalled();
    await allReleased(service);
  });
});

describe("the limit of open streams (PROTOCOL 4.8)", () => {
  it("refuses one more with 503 and Retry-After, and has room again when a viewer left", async () => {
    const { service, session } = await startServer(createMemoryLogStore(), { maxStreams: 2 });
    await append(service.store, [event(0)]);
    const first = await session.watch();
    const second = await session.watch();
    for (const path of ["/agui/events", "/export"]) {
      const refused = await session.get(path);
      expect(refused.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
      await expectProblem(refused, 503, "Too many streams are open");
    }
    await first.sse.cancel();
    const third = await session.watch();
    await expectProblem(await session.get("/agui/events"), 503, "Too many streams are open");
    await Promise.all([second.sse.cancel(), third.sse.cancel()]);
    await allReleased(service);
  });

  it("holds for viewers that come at the same moment", async () => {
    const { service, session } = await startServer(createMemoryLogStore(), { maxStreams: 2 });
    await append(service.store, [event(0)]);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => session.get("/agui/events")),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(answers.filter(({ status }) => status === 503)).toHaveLength(8);
    for (const { body } of answers) await body?.cancel();
    await allReleased(service);
  });
});

describe("the server's end", () => {
  it("ends streams in order, at the end of a frame, asks to come back soon, and leaves no timer", async () => {
    const { clock, service, session } = await startServer();
    await append(service.store, [event(0)]);
    const { sse } = await session.watch();
    await sse.events(1);
    const { frame } = await waitingFrame(sse);
    await service.close();
    expect((await frame)?.retry).toMatch(/^(?:[5-9]\d\d|1000)$/);
    expect(await sse.frame()).toBeNull();
    expect([service.pacer.open, service.sessions.used, clock.pending]).toEqual([0, 0, 0]);
  });

  it("ends a run in flight with RUN_ERROR server-shutdown, and takes no other", async () => {
    const server = await startServer();
    const { service, session } = server;
    const runner = await openRunner(server, () => session.run());
    await runner.write(`data: ${startedEvent()}\n\n`);
    const { sse } = await session.watch();
    await sse.until(({ data }) => data === startedEvent());
    await service.close();
    await runner.closed;
    const lines = await stored(service.store);
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[2] ?? "")).toMatchObject({
      type: "RUN_ERROR",
      runId: "r",
      threadId: "s1",
      message: "Server is shutting down",
      code: "server-shutdown",
    });
    expect(await collect(service.store.openRuns())).toEqual([]);
    const refused = await session.post("/agui/run", runBody());
    expect(refused.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
    await expectProblem(refused, 503, "Server is shutting down");
    expect(await stored(service.store)).toEqual(lines);
  });
});

describe("announcements that are lost", () => {
  it("delay an event until the next look, 5 s later at most", async () => {
    const server = await startServer();
    const { clock, service } = server;
    const publish = vi.spyOn(service.feed, "publish").mockImplementation(() => {});
    await append(service.store, [event(0)]);
    const { sse } = await server.session.watch();
    await sse.events(1);
    for (let i = 1; i <= 3; i++) {
      const { frame } = await waitingFrame(sse);
      await appendAndAnnounce(server, [event(i)]);
      await expectPending(frame);
      clock.advance(5_000);
      expect((await frame)?.data).toBe(event(i));
    }
    expect(publish).toHaveBeenCalledTimes(3);
  });

  it("also hide a session's first log until the next look, and no longer", async () => {
    const { clock, service, session } = await startServer();
    const { sse } = await session.watch();
    await skipRetry(sse);
    const { frame } = await waitingFrame(sse);
    await append(service.store, [event(0)]);
    await expectPending(frame);
    clock.advance(5_000);
    expect((await frame)?.data).toBe(event(0));
  });

  it("are made up for in every session, though the log of another cannot be looked at", async () => {
    const inner = createMemoryLogStore();
    const broken = { project: "p1", session: "broken" };
    let isBroken = false;
    const server = await startServer({
      ...inner,
      stat: (key) =>
        isBroken && key.session === broken.session
          ? Promise.reject(new RunlogError("store-format", "The log is damaged"))
          : inner.stat(key),
    });
    await append(inner, [event(0)], broken);
    await append(inner, [event(0)]);
    const other = await new SessionClient(server, broken.session).watch();
    await other.sse.events(1);
    await waitingFrame(other.sse);
    const { sse } = await server.session.watch();
    await sse.events(1);
    const { frame } = await waitingFrame(sse);
    isBroken = true;
    await append(inner, [event(1)]);
    server.clock.advance(5_000);
    // the streams' own clock shows that the wait is over: a heartbeat, or the event that was due
    await nextTurn();
    server.clock.advance(10_000);
    expect((await frame)?.data).toBe(event(1));
  });
});

describe("a session that is deleted", () => {
  it("ends its viewers in order; one that comes back gets the new log from its start", async () => {
    const { service, session } = await startServer();
    await append(service.store, events(0, 3));
    const { sse } = await session.watch();
    const [, , last] = await sse.events(3);
    const { frame } = await waitingFrame(sse);
    await service.store.delete(KEY);
    service.feed.publish({ ...KEY, logId: null, end: 0 });
    expect(await frame).toBeNull();
    await allReleased(service);

    await append(service.store, [event(7)]);
    const again = await session.watch("", { "Last-Event-ID": last?.id ?? "" });
    expect(again.response.headers.get("X-Runlog-Replay")).toBe("full; reason=another-log");
    expect((await again.sse.events(1))[0]?.data).toBe(event(7));
    await again.sse.cancel();
  });

  it.each([
    ["while the stream waits for the event's rest", true],
    ["while the stream waits for its viewer", false],
  ])("does not end a stream within an event as if all were said: %s", async (_, isReading) => {
    const inner = createMemoryLogStore();
    const texts = events(0, 2);
    await append(inner, texts);
    const { store, release } = hangingAt(inner, linesOf(texts).length - 7);
    const { service, session } = await startServer(store);
    const reader = (await session.get("/agui/events")).body?.getReader();
    const next = async (): Promise<string> => textOf((await reader?.read())?.value ?? utf8("end"));
    expect(await next()).toMatch(/^retry: /);
    expect(await next()).toContain('\ndata: {"type":"CUSTOM","name":"n"');
    const rest = isReading ? next() : null;
    await inner.delete(KEY);
    service.feed.publish({ ...KEY, logId: null, end: 0 });
    release();
    // only a broken connection tells the viewer
    await expect(rest ?? next()).rejects.toThrow();
    await allReleased(service);
  });
});

describe("a store that refuses (PROTOCOL 5.5, 5.6)", () => {
  /** A server whose store takes no bytes while `mood.refuses` is true. */
  async function startMoodyServer() {
    const inner = createMemoryLogStore();
    const mood = { refuses: false };
    const store: LogStore = {
      ...inner,
      append: (...call) =>
        mood.refuses
          ? Promise.reject(new RunlogError("store-full", "No space left in /var/lib/secret"))
          : inner.append(...call),
    };
    const server = await startServer(store);
    // a server that stops waits until it could store the end of its runs
    onTestFinished(() => {
      mood.refuses = false;
    });
    return { ...server, store, mood };
  }

  it("makes a run 503 before anything is sent to the runner, and welcome when it works again", async () => {
    const { mood, runner, service, session, store } = await startMoodyServer();
    mood.refuses = true;
    const refused = await session.post("/agui/run", runBody());
    expect(refused.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
    await expectProblem(refused, 503, "Event log is not writable");
    expect([service.runs.busySessions, service.sessions.used]).toEqual([0, 0]);
    expect(await stored(store)).toEqual([]);
    mood.refuses = false;
    runner.script((exchange) => tell(exchange, [finishedEvent("later")]));
    await session.run(runBody("later"));
    await session.settled("later");
    expect(runner.requests).toHaveLength(1);
  });

  it("leaves no mark of an open run that was never started", async () => {
    const { mood, session, store } = await startMoodyServer();
    mood.refuses = true;
    expect((await session.post("/agui/run", runBody())).status).toBe(503);
    expect(await collect(store.openRuns())).toEqual([]);
  });

  it("stops the runner in mid-run; the run ends with store-failed when appends work again", async () => {
    const server = await startMoodyServer();
    const { clock, mood, service, session, store } = server;
    const runner = await openRunner(server, () => session.run());
    const { sse } = await session.watch();
    const seen = await sse.events(1);
    await runner.write(`data: ${startedEvent()}\n\n`);
    seen.push(...(await sse.events(1)));
    const timers = clock.pending;
    mood.refuses = true;
    const { frame } = await waitingFrame(sse);
    await waitFor(
      () =>
        runner.write(`data: ${event(0)}\n\n`).then(
          () => false,
          () => true,
        ),
      {
        what: "the runner's connection to go",
      },
    );
    await waitFor(() => clock.pending > timers, { what: "the run to wait for its store" });
    // refused once more: the wait doubles
    clock.advance(500);
    await waitFor(() => clock.pending > timers);
    mood.refuses = false;
    clock.advance(999);
    await expectPending(frame);
    expect(await stored(store)).toHaveLength(2);
    clock.advance(1);
    expect(JSON.parse((await frame)?.data ?? "")).toMatchObject({
      type: "RUN_ERROR",
      runId: "r",
      message: "Event log could not be written",
      code: "store-failed",
    });
    const lines = await stored(store);
    expect(lines.slice(0, 2)).toEqual(seen.map(({ data }) => data));
    expect(lines.slice(2)).toEqual([(await frame)?.data]);
    await waitFor(() => service.runs.busySessions === 0);
    expect(await collect(store.openRuns())).toEqual([]);
  });

  it("ends the run, though its runner says nothing more", async () => {
    const server = await startMoodyServer();
    const { clock, mood, service, session, store } = server;
    const runner = await openRunner(server, () => session.run());
    const timers = clock.pending;
    mood.refuses = true;
    await runner.write(`data: ${startedEvent()}\n\n`);
    await waitFor(() => clock.pending > timers, {
      what: "the run to notice that its store failed",
    });
    await runner.closed;
    mood.refuses = false;
    clock.advance(500);
    await waitFor(() => service.runs.busySessions === 0);
    expect((await stored(store)).at(-1)).toContain('"code":"store-failed"');
  });
});

describe("refusals", () => {
  it("a run that finds no place in the queue is refused with the active one's id", async () => {
    const server = await startServer(createMemoryLogStore(), { runQueue: 0 });
    const runner = await openRunner(server, () => server.session.run(runBody("first")));
    const problem = await expectProblem(
      await server.session.post("/agui/run", runBody("second")),
      409,
      "Too many runs are waiting; the session is not available for another one",
    );
    expect(problem).toMatchObject({ runId: "first", title: "Conflict" });
    expect(server.runner.requests).toHaveLength(1);
    await runner.end();
  });

  it("a body beyond the budget of all that wait is refused; one that fits is taken again and again", async () => {
    const limits = { bodyBudgetBytes: 100 };
    const { runner, service, session } = await startServer(createMemoryLogStore(), limits);
    const refused = await session.post("/agui/run", '{"messages":[]}'.padEnd(101));
    expect(refused.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
    await expectProblem(refused, 503, "Too many requests are waiting");
    expect(runner.requests).toEqual([]);
    runner.script((exchange) => tell(exchange, ['{"type":"RUN_FINISHED"}']));
    for (let i = 1; i <= 3; i++) {
      await waitFor(() => service.runs.busySessions === 0);
      await session.run(`{"runId":"r${i}","messages":[]}`.padEnd(100));
    }
    await waitFor(() => runner.requests.length === 3);
    // the runner has a body a moment before it is known to have it
    await waitFor(() => service.bodyBudget.usedBytes === 0);
  });

  it("a request that names another host is refused on every route (PROTOCOL 1.6)", async () => {
    const server = await startServer();
    const paths = ["/", "/health", "/api/projects/p1/agentic-sessions"];
    const foreign = "evil.example evil.example:80 localhost.evil.example 127.0.0.1.evil.example";
    for (const host of [...foreign.split(" "), "127.0.0.2", "[::2]", "[::1", "localhost:80:80"])
      for (const path of paths) {
        const response = await server.fetch(path, { headers: { Host: host } });
        await expectProblem(response, 403, "Host not allowed");
      }
    const own = "localhost localhost:1234 LocalHost:80 127.0.0.1 127.0.0.1:80 [::1] [::1]:80";
    for (const host of own.split(" "))
      for (const path of paths.slice(1))
        expect((await server.fetch(path, { headers: { Host: host } })).status, host).toBe(200);
  });
});

describe("a failure of the server (PROTOCOL 1.2)", () => {
  const TEXT = "EACCES: permission denied, open '/var/lib/secret/log' of 10.0.0.1";

  it.each([
    ["an error of the system", new Error(TEXT)],
    ["an error of the store", new RunlogError("store-failed", TEXT, { path: TEXT, cause: TEXT })],
    ["a full store", new RunlogError("store-full", TEXT, { path: TEXT, cause: new Error(TEXT) })],
  ])("is told without its cause: %s", async (_, error) => {
    const fail = (): never => {
      throw error;
    };
    const store: LogStore = {
      ...createMemoryLogStore(),
      create: async () => fail(),
      stat: async () => fail(),
      list: async () => fail(),
      check: async () => fail(),
    };
    const server = await startServer(store);
    const { session } = server;
    const answers = [
      [await session.get("/export"), "Failed to read session events"],
      [await session.get("/export", {}, "HEAD"), null],
      [await session.get("/agui/events"), "Internal error"],
      [await session.get("/agui/events?after=0123456789abcdef-r1"), "Internal error"],
      [await session.get(""), "Failed to get agentic session"],
      [await server.fetch("/api/projects/p1/agentic-sessions"), "Failed to list agentic sessions"],
      [await session.post("/agui/run", runBody()), "Event log is not writable"],
      [await server.fetch("/ready"), null],
    ] as const;
    for (const [response, detail] of answers) {
      expect(response.status).toBeGreaterThanOrEqual(500);
      const told = JSON.stringify([...response.headers]) + (await response.clone().text());
      expect(told).not.toMatch(/secret|EACCES|10\.0\.0\.1/);
      if (detail !== null) await expectProblem(response, response.status, detail);
    }
    await allReleased(server.service);
  });
});
