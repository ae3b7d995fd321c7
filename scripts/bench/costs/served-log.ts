import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createDiskLogStore } from "../../../adapters/disk/index.ts";
import { CompactLog } from "../../../src/core/compaction/compact-log.ts";
import { compactSession } from "../../../src/core/compaction/compact-session.ts";
import { openReadableLog } from "../../../src/core/legacy/scan-marks.ts";
import type { LoopDelay } from "../../load/loop-delay.ts";
import { createDataDir, type DataDir, type LogSession, PROJECT } from "../data-dir.ts";
import { startServer } from "../server-process.ts";
import type { Spent } from "./cost.ts";
import { spentIn } from "./spent-in.ts";

/** An event as JSON; `undefined` members are left out. */
export type Event = Readonly<Record<string, unknown>>;

/** What a server does with a session's log. */
export type Served = (port: number, session: LogSession) => Promise<Partial<Spent>>;

const SESSION = "session";
const MEGABYTE = 1_000_000;
const LOOP_DELAY = new URL("../../load/loop-delay.ts", import.meta.url);
/** The loop's delay is told every second. */
const DELAY_MS = 1_200;

/** A data directory with the events as its only session's log, for as long as `work` takes. */
async function withLog<T>(
  events: Iterable<Event>,
  work: (data: DataDir, session: LogSession) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "runlog-bench-log-"));
  try {
    const path = join(dir, "raw.jsonl");
    const count = await writeEvents(path, events);
    const { size: bytes } = await stat(path);
    const log = { path, bytes, events: count, megabytes: Math.ceil(bytes / MEGABYTE) };
    const data = await createDataDir([log], () => SESSION);
    try {
      return await work(data, data.sessions[0]!);
    } finally {
      await data.remove();
    }
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Serves the events as a session's log; what `work` costs, and how long it holds the server's loop. */
export function serveLog(
  events: Iterable<Event>,
  work: Served,
  isCompacted = false,
): Promise<Spent> {
  return withLog(events, async (data, session) => {
    if (isCompacted) await compact(data, session);
    let heldMs = 0;
    const server = await startServer({
      dataDir: data.dir,
      watch: {
        script: LOOP_DELAY,
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the script's own messages
        onMessage: (message) => (heldMs = Math.max(heldMs, (message as LoopDelay).maxCpuMs)),
      },
    });
    try {
      await sleep(DELAY_MS);
      heldMs = 0;
      const startedAtMs = performance.now();
      const spent = await work(server.port, session);
      const seconds = (performance.now() - startedAtMs) / 1_000;
      await sleep(DELAY_MS);
      return { seconds, heldMs, ...spent };
    } finally {
      await server.stop();
    }
  });
}

/** Compacts the events as a session's log on disk. */
export function compactLog(events: Iterable<Event>): Promise<Spent> {
  return withLog(events, (data, session) => spentIn(() => compact(data, session)));
}

/** Connects to the session, and reads everything that a client is sent. */
export function connect(query: string): Served {
  return async (port, session) => {
    const url = `http://127.0.0.1:${port}${session.path}/agui/connect${query}`;
    const headers = { "Content-Type": "application/json" };
    const startedAtMs = performance.now();
    const response = await fetch(url, { method: "POST", headers, body: "{}" });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    let bytes = 0;
    let firstMs: number | null = null;
    for await (const chunk of response.body ?? []) {
      firstMs ??= performance.now() - startedAtMs;
      bytes += chunk.length;
    }
    return { bytes, firstMs: firstMs ?? 0 };
  };
}

/** How large the compact log is, which must not be larger than the raw one. */
async function compact(data: DataDir, { log }: LogSession): Promise<{ readonly bytes: number }> {
  const key = { project: PROJECT, session: SESSION };
  const store = createDiskLogStore({ dir: data.dir });
  try {
    const found = await store.stat(key);
    if (!found) throw new Error("the log is not there");
    const readable = await openReadableLog(store, key, found);
    const { signal } = new AbortController();
    await compactSession({ key, store, log: new CompactLog(key, store), readable, signal });
    const bytes = (await store.stat(key))?.end.compact ?? 0;
    if (bytes > log.bytes) throw new Error("the compact log is larger than the raw one");
    return { bytes };
  } finally {
    await store.close();
  }
}

async function writeEvents(path: string, events: Iterable<Event>): Promise<number> {
  const file = createWriteStream(path);
  let count = 0;
  for (const event of events) {
    count += 1;
    if (!file.write(`${JSON.stringify(event)}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
  return count;
}
