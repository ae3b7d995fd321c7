import { setTimeout as sleep } from "node:timers/promises";
import type { DataDir, LogSession } from "./data-dir.ts";
import { createDeferred, within } from "./deadline.ts";
import { type HttpStream, openHttpStream } from "./http-stream.ts";
import { requireOk } from "./reading.ts";
import { atMost, type Row } from "./row.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { createEndFinder } from "./sse-client.ts";

const MEBIBYTE = 1024 * 1024;
const LIMIT_MEBIBYTES = 200;
const TIMEOUT_MS = 150_000;
const IDLE_AFTER_MS = 2_000;
const VIEWERS_PER_SPEED = 10;
const MEGABYTE = 1_000_000;
/** Bytes a second; without a number as fast as it goes, with 0 not at all. */
const SPEEDS = [undefined, 50 * MEGABYTE, 10 * MEGABYTE, MEGABYTE, 0] as const;

/** Resident memory of a server that has just started and has nothing to do. */
export async function measureIdle(data: DataDir): Promise<Row[]> {
  const server = await startServer({ dataDir: data.dir });
  try {
    await sleep(IDLE_AFTER_MS);
    const { residentBytes } = await server.memory();
    const value = residentBytes / MEBIBYTE;
    return [{ measurement: "memory, idle", size: "-", value, unit: "MiB" }];
  } finally {
    await server.stop();
  }
}

/**
 * Peak of the server's resident memory while fifty viewers of all speeds replay a log, for each log
 * with a server of its own. It ends when those that read as fast as they can are through, or after
 * two and a half minutes.
 */
export async function measureMemory(data: DataDir): Promise<Row[]> {
  const rows: Row[] = [];
  for (const session of data.sessions) {
    const server = await startServer({ dataDir: data.dir });
    try {
      rows.push(...(await watchReplays(server, session)));
    } finally {
      await server.stop();
    }
  }
  return rows;
}

async function watchReplays(server: ServerProcess, session: LogSession): Promise<Row[]> {
  const startedAtMs = performance.now();
  const streams: HttpStream[] = [];
  const fast: Promise<void>[] = [];
  let complete = 0;
  for (const bytesPerSecond of SPEEDS)
    for (let viewer = 0; viewer < VIEWERS_PER_SPEED; viewer += 1) {
      const end = createDeferred<void>();
      const isEnd = createEndFinder(`id: ${session.endCursor}\n\n`);
      streams.push(
        openHttpStream({
          port: server.port,
          path: `${session.path}/agui/events?view=raw`,
          ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
          onBody(bytes) {
            if (!isEnd(bytes)) return;
            complete += 1;
            end.resolve();
          },
        }),
      );
      if (bytesPerSecond === undefined) fast.push(end.promise);
    }
  try {
    for (const { head } of streams)
      requireOk(await within(head, TIMEOUT_MS, "response head"), session.path);
    await Promise.race([Promise.all(fast), sleep(TIMEOUT_MS, undefined, { ref: false })]);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const { peakBytes } = await server.memory();
    const size = `${streams.length} x ${session.log.megabytes} MB`;
    const value = peakBytes / MEBIBYTE;
    return [
      atMost(LIMIT_MEBIBYTES, { measurement: "memory, peak", size, value, unit: "MiB" }),
      { measurement: "memory, replays complete", size, value: complete, unit: "replays" },
      { measurement: "memory, time", size, value: seconds, unit: "s" },
    ];
  } finally {
    for (const stream of streams) stream.close();
  }
}
