import { setTimeout as sleep } from "node:timers/promises";
import { startScript } from "./child-script.ts";
import { compactOnDisk } from "./compact-log-file.ts";
import { createDataDir, type DataDir, type LogSession } from "./data-dir.ts";
import type { ViewersReady, ViewersResult } from "./fan-out-viewers.ts";
import { atMost, type Row } from "./row.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { startRun } from "./start-run.ts";

const MEBIBYTE = 1024 * 1024;
const MEGABYTE = 1_000_000;
const LIMIT_MEBIBYTES = 128;
const LIMIT_MEGABYTES_PER_SECOND = 60;
const LIMIT_DELAY_MS = 50;
const IDLE_AFTER_MS = 2_000;
const EVENTS_PER_SECOND = 100;
const SECONDS = 20;
const EVENTS = EVENTS_PER_SECOND * SECONDS;
const TIMEOUT_MS = 60_000;

/** The largest log is compacted while a run of the same session goes on and is watched. */
export async function measureCompaction(all: DataDir): Promise<Row[]> {
  const log = all.sessions.at(-1)?.log;
  if (log === undefined) throw new TypeError("there is no log to condense");
  const data = await createDataDir([log]);
  const runner = startScript<{ port: number }>(
    new URL("./fake-runner-process.ts", import.meta.url),
    { events: EVENTS, eventsPerSecond: EVENTS_PER_SECOND },
  );
  try {
    const { port: runnerPort } = await runner.next(TIMEOUT_MS);
    const server = await startServer({ dataDir: data.dir, runnerPort });
    try {
      return await compactBusy(server, data.sessions[0]!);
    } finally {
      await server.stop();
    }
  } finally {
    await runner.stop();
    await data.remove();
  }
}

async function compactBusy(server: ServerProcess, session: LogSession): Promise<Row[]> {
  const viewers = startScript<ViewersReady | ViewersResult>(
    new URL("./fan-out-viewers.ts", import.meta.url),
    {
      port: server.port,
      path: `${session.path}/agui/events?view=raw&after=${session.endCursor}`,
      viewers: 1,
      events: EVENTS,
      timeoutMs: TIMEOUT_MS,
    },
  );
  try {
    await viewers.next(TIMEOUT_MS);
    await sleep(IDLE_AFTER_MS);
    const idle = await server.memory();
    await startRun(server.port, session.path);
    const { ms } = await compactOnDisk(server.port, session);
    const { peakBytes } = await server.memory();
    const result = await viewers.next(TIMEOUT_MS);
    if ("ready" in result) throw new Error("the viewer was ready twice");
    const { bytes, megabytes } = session.log;
    const size = `${megabytes} MB`;
    const speed = bytes / MEGABYTE / (ms / 1_000);
    const overIdle = (peakBytes - idle.residentBytes) / MEBIBYTE;
    const delay = { measurement: "compaction, delay", size, unit: "ms" };
    return [
      {
        measurement: "compaction",
        size,
        value: speed,
        unit: "MB/s",
        limit: `>= ${LIMIT_MEGABYTES_PER_SECOND} MB/s`,
        ok: speed >= LIMIT_MEGABYTES_PER_SECOND,
      },
      atMost(LIMIT_MEBIBYTES, {
        measurement: "compaction, peak over idle",
        size,
        value: overIdle,
        unit: "MiB",
      }),
      { ...delay, measurement: "compaction, delay p50 meanwhile", value: result.p50Ms },
      { ...delay, measurement: "compaction, delay p99 meanwhile", value: result.p99Ms },
      atMost(LIMIT_DELAY_MS, {
        ...delay,
        measurement: "compaction, delay max meanwhile",
        value: result.maxMs,
      }),
      atMost(0, { ...delay, measurement: "compaction, gaps", value: result.breaks, unit: "gaps" }),
    ];
  } finally {
    await viewers.stop();
  }
}
