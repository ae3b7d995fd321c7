import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createRandom } from "../../scripts/bench/random.ts";
import type { ServiceLimits } from "../../src/core/service.ts";
import type { LiveFeed } from "../../src/ports/live-feed.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import { utf8 } from "../contract/bytes.ts";
import { SseReader } from "../contract/read-sse.ts";
import { finishedEvent, openRunner, SessionClient } from "../contract/session-routes/harness.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { listenTestServer } from "../support/test-server.ts";

const MIB = 1024 * 1024;
const KEY: SessionKey = { project: "p1", session: "s1" };
const PATH = "/api/projects/p1/agentic-sessions/s1/agui/events";
/** Makes an event some 2 KiB long. */
const FILL = "x".repeat(2_000);

const event = (value: number, fill = ""): string =>
  `{"type":"CUSTOM","name":"n","value":${value},"fill":"${fill}"}`;

/** A server on a disk store and behind a socket. Its clock stands still: a slow machine is no slow viewer. */
async function startServer(limits: Partial<ServiceLimits> = {}) {
  const dir = await createTempDir();
  onTestFinished(() => dir.remove());
  const clock = createManualClock();
  const store = createDiskLogStore({ dir: dir.path });
  const server = await listenTestServer({ store, limits, clock });
  onTestFinished(() => server.dispose());
  return { ...server, clock, session: new SessionClient(server) };
}

type TestServer = Awaited<ReturnType<typeof startServer>>;

/** Makes a log of about `bytes`; resolves with how many events it has. */
async function seed(store: LogStore, bytes: number): Promise<number> {
  const { logId } = await store.create(KEY);
  let count = 0;
  for (let end = 0; end < bytes;) {
    const batch = Array.from({ length: 2_000 }, () => `${event(count++, FILL)}\n`).join("");
    end = await store.append(KEY, utf8(batch), { logId, expectedEnd: end });
  }
  return count;
}

/** A viewer on a socket of its own. Nothing is taken from it unless somebody reads. */
interface Viewer {
  readonly socket: Socket;
  readonly sse: SseReader;
  /** Resolves when the connection has gone, which a client that does not read cannot notice. */
  readonly closed: Promise<void>;
}

/** Opens the event stream; `rest` is waited for after each piece that was read. */
function connect(port: number, rest: () => Promise<unknown> = async () => {}): Viewer {
  const socket = connectTcp(port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // who reads gets the error as well; without a listener it would end the process
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(`GET ${PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  const body = bodyOf(socket, rest);
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await body.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => void socket.destroy(),
    },
    { highWaterMark: 0 },
  );
  return { socket, sse: new SseReader(stream), closed };
}

/** The body of a chunked answer, pulled from the socket piece by piece. Throws if it breaks off. */
async function* bodyOf(
  socket: Socket,
  rest: () => Promise<unknown>,
): AsyncGenerator<Uint8Array, void> {
  let line = "";
  let isBody = false;
  /** Bytes to come of the chunk that is being read. */
  let left = 0;
  for await (const piece of socket) {
    let bytes = piece as Buffer;
    while (bytes.length > 0) {
      const taken = left > 0 ? bytes.subarray(0, left) : bytes.subarray(0, 1);
      bytes = bytes.subarray(taken.length);
      if (left > 0) {
        left -= taken.length;
        yield taken;
        continue;
      }
      line += taken.toString("latin1");
      if (!isBody && line.endsWith("\r\n\r\n")) {
        expect(line).toMatch(/^HTTP\/1\.1 200 [\s\S]*transfer-encoding: chunked/i);
        isBody = true;
        line = "\r\n";
      } else if (isBody && /^\r\n.+\r\n$/.test(line)) {
        left = Number.parseInt(line, 16);
        if (left === 0) return;
        line = "";
      }
    }
    await rest();
  }
  throw new Error("The connection broke off");
}

/** What a viewer saw, or a log holds: equal for two that hold the same lines. */
interface Seen {
  readonly count: number;
  readonly sha256: string;
}

/** Reads events up to and with `last`. Throws unless each one's cursor is the position after it. */
async function readThrough({ sse }: Viewer, last: string): Promise<Seen> {
  const hash = createHash("sha256");
  let offset = 0;
  for (let count = 1; ; count++) {
    const seen = await sse.event();
    if (!seen) throw new Error(`The stream ended after ${count - 1} events`);
    const { data, id } = seen;
    hash.update(`${data}\n`);
    offset += Buffer.byteLength(data) + 1;
    if (!id.endsWith(`-r${offset}`)) throw new Error(`${id} is the cursor at ${offset}`);
    if (data === last) return { count, sha256: hash.digest("hex") };
  }
}

async function logOf(store: LogStore): Promise<Seen> {
  const stat = await store.stat(KEY);
  const hash = createHash("sha256");
  let count = 0;
  for await (const chunk of store.read(KEY, { logId: stat?.logId ?? "" })) {
    hash.update(chunk);
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) count++;
  }
  return { count, sha256: hash.digest("hex") };
}

/** Waits until the server has given every viewer up, and not by the write deadline. */
async function allFreed({ service }: TestServer): Promise<void> {
  await waitFor(() => service.pacer.open === 0 && service.sessions.used === 0, {
    what: "the viewers to be ended",
  });
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes in use, with as little garbage among them as can be. */
function memory(): { rss: number; buffers: number } {
  collectGarbage();
  const { rss, arrayBuffers } = process.memoryUsage();
  return { rss, buffers: arrayBuffers };
}

describe("a slow viewer (PROTOCOL 4.6)", () => {
  it("that pauses in a long replay gets every event later, and takes no memory meanwhile", async () => {
    const server = await startServer();
    const { service, session } = server;
    const seeded = await seed(service.store, 80 * MIB);
    const runner = await openRunner(server, () => session.run());
    const before = memory();
    const peak = { ...before };

    let goOn = (): void => {};
    const pause = new Promise<void>((resolve) => (goOn = resolve));
    const viewer = connect(server.port, () => pause);
    const seen = readThrough(viewer, finishedEvent());
    await waitFor(() => viewer.socket.bytesRead > 0);
    for (let i = 0; i < 2_000; i += 50) {
      const batch = Array.from({ length: 50 }, (_, j) => `data: ${event(seeded + i + j)}\n\n`);
      await runner.write(batch.join(""));
      const { rss, buffers } = memory();
      peak.rss = Math.max(peak.rss, rss);
      peak.buffers = Math.max(peak.buffers, buffers);
    }
    await runner.write(`data: ${finishedEvent()}\n\n`);
    await runner.end();
    await waitFor(() => service.runs.busySessions === 0, { what: "the end of the run" });
    expect(peak.rss - before.rss).toBeLessThan(40 * MIB);
    expect(peak.buffers - before.buffers).toBeLessThan(16 * MIB);
    expect(viewer.socket.bytesRead).toBeLessThan(MIB);
    expect(service.pacer.open).toBe(1);

    goOn();
    // the snapshot of the run's messages comes before what its runner says
    expect(await seen).toEqual({ ...(await logOf(service.store)), count: seeded + 2_002 });
    await viewer.sse.cancel();
    await allFreed(server);
  });

  it("that is steady is not ended, though its replay takes longer than the write deadline", async () => {
    const writeDeadlineMs = 20_000;
    const server = await startServer({ writeDeadlineMs });
    const { clock } = server;
    const { store } = server.service;
    const count = await seed(store, 40 * MIB);
    const begin = clock.now();
    // the system takes some MiB at once: more than a step has to go by before it takes the next
    const viewer = connect(server.port, async () => clock.advance(100));
    const seen = await readThrough(viewer, event(count - 1, FILL));
    // the deadline, and a second until somebody looks at it
    expect(clock.now() - begin).toBeGreaterThan(writeDeadlineMs + 1_000);
    expect(seen).toEqual(await logOf(store));
    await viewer.sse.cancel();
    await allFreed(server);
  });

  it("that never reads is ended at the write deadline; one that has read all may wait", async () => {
    const writeDeadlineMs = 30_000;
    const server = await startServer({ writeDeadlineMs });
    const { clock } = server;
    const { pacer, sessions, store } = server.service;
    const count = await seed(store, 16 * MIB);
    const idle = connect(server.port);
    await readThrough(idle, event(count - 1, FILL));
    const begin = clock.now();
    const stuck = connect(server.port);
    await waitFor(() => pacer.open === 2);
    await waitFor(
      () => {
        if (pacer.open === 1) return true;
        clock.advance(1_000);
        return false;
      },
      { what: "the end of the viewer that never reads" },
    );
    expect(clock.now() - begin).toBeGreaterThan(writeDeadlineMs);
    // what the system had taken is still read; the end after it is not that of a whole answer
    await expect(readThrough(stuck, event(count - 1, FILL))).rejects.toThrow();
    await stuck.closed;
    expect(stuck.socket.bytesRead).toBeLessThan(16 * MIB);

    expect([pacer.open, sessions.used, idle.socket.destroyed]).toEqual([1, 1, false]);
    await idle.sse.cancel();
    await allFreed(server);
  });

  it.each([
    ["closes its socket", (socket: Socket) => socket.destroy()],
    ["resets its connection", (socket: Socket) => socket.resetAndDestroy()],
  ])("that %s in the middle of a replay leaves nothing behind", async (_, leave) => {
    const server = await startServer();
    const { pacer, store } = server.service;
    await seed(store, 16 * MIB);
    const viewers = Array.from({ length: 10 }, () => connect(server.port));
    for (const { sse } of viewers) await sse.events(10);
    expect(pacer.open).toBe(viewers.length);
    for (const { socket } of viewers) leave(socket);
    await allFreed(server);
  });
});

describe("many viewers", () => {
  it("that come and go while a session runs leave nothing in memory", async () => {
    const random = createRandom(inject("seed"));
    const server = await startServer({ sessionIdleMs: 0 });
    const { service, session } = server;
    const listening = countListeners(service.feed);
    const runner = await openRunner(server, () => session.run());
    let written = 0;

    /** One that leaves before its answer, after some events, or when the run has ended. */
    async function visit(): Promise<Seen | null> {
      const viewer = connect(server.port);
      const kind = random.integer(5);
      if (kind === 0) await once(viewer.socket, "connect");
      else if (kind === 1) await waitFor(() => viewer.socket.bytesRead > 0);
      else if (kind < 4) await viewer.sse.events(1 + random.integer(written + 1));
      const seen = kind === 4 ? await readThrough(viewer, finishedEvent()) : null;
      if (random.integer(2) === 0) viewer.socket.destroy();
      else await viewer.sse.cancel();
      return seen;
    }

    const visits: Promise<Seen | null>[] = [];
    while (visits.length < 200) {
      const events = Array.from({ length: random.integer(6) }, () => event(written++, FILL));
      await runner.write(events.map((text) => `data: ${text}\n\n`).join(""));
      visits.push(visit());
    }
    await runner.write(`data: ${finishedEvent()}\n\n`);
    await runner.end();
    const log = await waitFor(async () => service.runs.busySessions === 0 && logOf(service.store));
    const whole = (await Promise.all(visits)).filter((seen) => seen !== null);
    expect(whole.length).toBeGreaterThan(0);
    for (const seen of whole) expect(seen).toEqual({ ...log, count: written + 2 });
    await allFreed(server);
    // the session's state stays for a while; the sweep lets go of it, and of its ear
    service.sessions.sweep();
    expect(listening()).toBe(0);
  });
});

/** Counts who listens to `feed` from now on. */
function countListeners(feed: LiveFeed): () => number {
  const stopped: boolean[] = [];
  const subscribe = feed.subscribe.bind(feed);
  vi.spyOn(feed, "subscribe").mockImplementation((key, listener) => {
    const stop = subscribe(key, listener);
    const index = stopped.push(false) - 1;
    return () => {
      stopped[index] = true;
      stop();
    };
  });
  return () => {
    // nobody ever listened: then nothing was counted
    expect(stopped).not.toEqual([]);
    return stopped.filter((isStopped) => !isStopped).length;
  };
}
