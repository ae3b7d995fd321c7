import { getEventListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Agent, fetch as undiciFetch } from "undici";
import { describe, expect, it } from "vitest";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { HttpRunnerClientOptions } from "../../adapters/runner-http/index.ts";
import { madeNoConnection } from "../../adapters/runner-http/retry.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { RunnerRequest } from "../../src/ports/runner-client.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { utf8 } from "../contract/bytes.ts";
import { codeOf, reasonOf } from "../contract/outcome.ts";
import { runnerClientContract } from "../contract/runner-client.ts";
import { startFakeRunner } from "../support/fake-runner.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { createManualClock } from "../support/manual-clock.ts";

const KIB = 1024;

/** As the server uses it: without undici's own limits. */
const dispatcher = new Agent({ bodyTimeout: 0, headersTimeout: 0 });
const viaUndici = (url: unknown, init?: object): unknown =>
  undiciFetch(url as string, { ...init, dispatcher });

for (const [name, fetchOf] of [
  ["http over the global fetch", fetch],
  ["http over undici", viaUndici as typeof fetch],
] as const)
  runnerClientContract(name, {
    async create({ maxEventBytes }) {
      const runner = await startFakeRunner();
      const client = createHttpRunnerClient({
        fetch: fetchOf,
        clock: createFastClock(),
        // 30 s of the fast clock are 30 ms, too short for a busy machine
        headersTimeoutMs: 30_000_000,
        intakeBudget: createByteBudget(1024 * KIB),
        maxEventBytes,
      });
      return { client, runner, dispose: () => runner.close() };
    },
  });

function createClient(options: Partial<HttpRunnerClientOptions> = {}) {
  return createHttpRunnerClient({
    fetch,
    clock: createManualClock(),
    intakeBudget: createByteBudget(1024 * KIB),
    ...options,
  });
}

function requestTo(address: string, signal = new AbortController().signal): RunnerRequest {
  const key = { project: "demo", session: "session-1" };
  return { key, address, body: [utf8("{}")], headers: {}, signal };
}

/** A fetch that answers 200 with what `pull` enqueues, each time the body is asked for more. */
function answering(pull: (body: ReadableStreamDefaultController<Uint8Array>) => void) {
  return () =>
    Promise.resolve(new Response(new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 })));
}

/** Long enough for everything that waits for nothing else. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await nextTurn();
}

function failure(code: string, syscall?: string): Error {
  return Object.assign(new Error(code), { code, ...(syscall !== undefined && { syscall }) });
}

const refused = (): Error => failure("ECONNREFUSED", "connect");

describe("http: attempts", () => {
  it("waits 0.5 s, half as long again each time, at most 5 s, and attempts it 15 times", async () => {
    const waits: number[] = [];
    const clock: Clock = {
      ...createManualClock(),
      after(ms, fn) {
        if (ms !== 30_000) {
          waits.push(ms);
          queueMicrotask(fn);
        }
        return () => {};
      },
    };
    let attempts = 0;
    const client = createClient({
      clock,
      fetch: () => {
        attempts++;
        return Promise.reject(new TypeError("fetch failed", { cause: refused() }));
      },
    });
    const error = await reasonOf(client.run(requestTo("http://runner.invalid/")));
    expect(error).toMatchObject({ code: "runner-unreachable", facts: { attempts: 15 } });
    expect(attempts).toBe(15);
    expect(waits.slice(0, 4)).toEqual([500, 750, 1125, 1687.5]);
    expect(waits.slice(6)).toEqual(Array.from({ length: 8 }, () => 5000));
  });

  it("gives up on an answer whose headers do not come in 30 s, and does not post again", async () => {
    const runner = await startFakeRunner();
    let closed = false;
    runner.script(async (exchange) => {
      await exchange.closed;
      closed = true;
    });
    const clock = createManualClock();
    const code = codeOf(createClient({ clock }).run(requestTo(runner.address)));
    while (runner.requests.length === 0) await nextTurn();
    clock.advance(29_999);
    await turns();
    expect(closed).toBe(false);
    clock.advance(1);
    expect(await code).toBe("runner-disconnected");
    expect(clock.pending).toBe(0);
    expect(runner.requests).toHaveLength(1);
    await runner.close();
  });

  it("tells failures to connect from broken connections by their cause", () => {
    const none = [
      refused(),
      failure("ENOTFOUND", "getaddrinfo"),
      failure("EAI_AGAIN", "getaddrinfo"),
      failure("EHOSTUNREACH", "connect"),
      failure("ETIMEDOUT", "connect"),
      failure("UND_ERR_CONNECT_TIMEOUT"),
      failure("ECONNREFUSED"),
      new AggregateError([refused(), failure("ENETUNREACH", "connect")]),
    ];
    const some = [
      failure("EHOSTUNREACH", "read"),
      failure("ETIMEDOUT", "read"),
      failure("ECONNRESET", "read"),
      failure("EPIPE", "write"),
      failure("UND_ERR_SOCKET"),
      failure("UND_ERR_HEADERS_TIMEOUT"),
      new AggregateError([refused(), failure("ECONNRESET", "read")]),
      new AggregateError([]),
      new Error("who knows"),
      "ECONNREFUSED",
    ];
    for (const cause of none)
      expect([cause, madeNoConnection(new TypeError("fetch failed", { cause }))]).toEqual([
        cause,
        true,
      ]);
    for (const cause of some)
      expect([cause, madeNoConnection(new TypeError("fetch failed", { cause }))]).toEqual([
        cause,
        false,
      ]);
    expect(madeNoConnection(refused())).toBe(false);
  });
});

describe("http: streams", () => {
  it("loses no event that came before a break, however slow its reader is", async () => {
    const runner = await startFakeRunner();
    const gone = new AbortController();
    runner.script(async (exchange) => {
      await exchange.answer(200);
      for (let i = 0; i < 20; i++) await exchange.write(`data: {"i":${i}}\n\n`);
      await exchange.breakOff();
      gone.abort();
    });
    const { batches } = await createClient().run(requestTo(runner.address));
    let events = 0;
    const reading = (async () => {
      for await (const batch of batches) {
        events += batch.events.length;
        while (!gone.signal.aborted) await nextTurn();
        await turns();
      }
    })();
    expect(await codeOf(reading)).toBe("runner-disconnected");
    expect(events).toBe(20);
    await runner.close();
  });

  it("ends a pending next when its reader returns, and cancels the body", async () => {
    let isCancelled = false;
    const client = createClient({
      fetch: () =>
        Promise.resolve(
          new Response(new ReadableStream({ cancel: () => void (isCancelled = true) })),
        ),
    });
    const { batches } = await client.run(requestTo("http://runner.invalid/"));
    const iterator = batches[Symbol.asyncIterator]();
    const pending = iterator.next();
    await iterator.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(isCancelled).toBe(true);
  });

  it("ends with the signal's reason also when fetch does not care for its signal", async () => {
    const abort = new AbortController();
    const client = createClient({ fetch: answering(() => {}) });
    const { batches } = await client.run(requestTo("http://runner.invalid/", abort.signal));
    const pending = batches[Symbol.asyncIterator]().next();
    const reason = new Error("stopped");
    abort.abort(reason);
    expect(await reasonOf(pending)).toBe(reason);
  });

  it("leaves no listener and no timer, however a stream ends", async () => {
    const { signal } = new AbortController();
    const clock = createManualClock();
    const request = requestTo("http://runner.invalid/", signal);
    const ends: ((body: ReadableStreamDefaultController<Uint8Array>) => void)[] = [
      (body) => body.close(),
      (body) => body.error(new Error("broken")),
    ];
    for (const end of ends) {
      const { batches } = await createClient({ clock, fetch: answering(end) }).run(request);
      await reasonOf(batches[Symbol.asyncIterator]().next()).catch(() => {});
    }
    const refusing = createClient({
      clock,
      fetch: () => Promise.resolve(new Response("no", { status: 500 })),
    });
    expect(await codeOf(refusing.run(request))).toBe("runner-refused");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });
});

describe("http: memory", () => {
  const PIECE = 64 * KIB;
  const PIECES = 16;

  /** Chunks of `events` events of 1 MiB each, and of a small one after them. */
  function* largeThenSmall(events: number): Generator<string, void, undefined> {
    for (let event = 0; event < events; event++) {
      yield `data: {"a":"`;
      for (let piece = 0; piece < PIECES; piece++) yield "x".repeat(PIECE);
      yield '"}\n\n';
    }
    yield "data: {}\n\n";
  }

  /** A body of these chunks, and how many of them have been read. */
  function serve(chunks: Iterator<string>) {
    const read = { chunks: 0 };
    const fetchChunks = answering((body) => {
      const { done, value } = chunks.next();
      if (done === true) body.close();
      else {
        read.chunks++;
        body.enqueue(utf8(value));
      }
    });
    return { fetch: fetchChunks, read };
  }

  it("does not read on while a large event has no budget, and goes on when it has", async () => {
    const intakeBudget = createByteBudget(100 * KIB);
    const other = intakeBudget.lease();
    await other.grow(101 * KIB);
    const { fetch: fetchLarge, read } = serve(largeThenSmall(1));
    const client = createClient({ intakeBudget, fetch: fetchLarge });
    const { batches } = await client.run(requestTo("http://runner.invalid/"));
    const iterator = batches[Symbol.asyncIterator]();
    const first = iterator.next();
    await turns();
    // the beginning and 256 KiB are free, one chunk more has come before it was known
    expect(read.chunks).toBe(1 + 4);
    other.release();
    expect((await first).value?.events).toHaveLength(1);
    expect((await iterator.next()).value?.events).toHaveLength(1);
    expect(intakeBudget.usedBytes).toBe(0);
    expect((await iterator.next()).done).toBe(true);
  });

  it("counts an event as held until its reader has come for the next one", async () => {
    const intakeBudget = createByteBudget(64 * 1024 * KIB);
    const { fetch: fetchLarge } = serve(largeThenSmall(2));
    const client = createClient({ intakeBudget, fetch: fetchLarge });
    const { batches } = await client.run(requestTo("http://runner.invalid/"));
    const iterator = batches[Symbol.asyncIterator]();
    await iterator.next();
    await turns();
    expect(intakeBudget.usedBytes).toBeGreaterThan((2 * PIECES - 4) * PIECE);
    await iterator.next();
    expect(intakeBudget.usedBytes).toBeLessThan(PIECES * PIECE);
    await iterator.next();
    expect(intakeBudget.usedBytes).toBe(0);
  });

  it("gives its budget back when it is aborted, read or not", async () => {
    for (const isRead of [true, false]) {
      const intakeBudget = createByteBudget(2048 * KIB);
      const abort = new AbortController();
      const client = createClient({ intakeBudget, ...serve(largeThenSmall(1)) });
      const { batches } = await client.run(requestTo("http://runner.invalid/", abort.signal));
      const iterator = batches[Symbol.asyncIterator]();
      if (isRead) await iterator.next();
      await turns();
      expect(intakeBudget.usedBytes).toBeGreaterThan((PIECES - 5) * PIECE);
      abort.abort();
      expect(intakeBudget.usedBytes).toBe(0);
      await expect(iterator.next()).rejects.toBe(abort.signal.reason);
      expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
    }
  });

  it("gives its budget back when it is aborted while it waits for more", async () => {
    const intakeBudget = createByteBudget(1000 * KIB);
    // the overdraft goes to somebody else, then the stream gets 256 KiB and has to wait
    intakeBudget.tryTake(1000 * KIB);
    await intakeBudget.lease().grow(20 * KIB);
    intakeBudget.release(300 * KIB);
    const abort = new AbortController();
    const client = createClient({ intakeBudget, ...serve(largeThenSmall(1)) });
    const { batches } = await client.run(requestTo("http://runner.invalid/", abort.signal));
    await turns();
    expect(intakeBudget.usedBytes).toBeGreaterThan((720 + 250) * KIB);
    abort.abort();
    await turns();
    expect(intakeBudget.usedBytes).toBe(720 * KIB);
    await expect(batches[Symbol.asyncIterator]().next()).rejects.toBe(abort.signal.reason);
  });
});
