import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeTrailer, GENERATION } from "../../src/core/compaction/trailer.ts";
import type { LogSession } from "./data-dir.ts";
import { openHttpStream } from "./http-stream.ts";

/** What the end of a compact log on disk says. */
interface CompactEnd {
  /** Where the last trailer begins: after the last event. */
  readonly eventsEnd: number;
  /** Up to where the raw log is compacted. */
  readonly rawEnd: number;
}

const TAIL_BYTES = 4_096;
const POLL_MS = 5;
const TIMEOUT_MS = 300_000;

/**
 * Has the server on `port` compact the session, by a look at it, and waits until all of its runs
 * are; resolves with the milliseconds that took and with the cursor of the last compacted event.
 */
export async function compactOnDisk(
  port: number,
  session: LogSession,
): Promise<{ readonly ms: number; readonly endCursor: string }> {
  const startedAtMs = performance.now();
  const look = openHttpStream({
    port,
    path: `${session.path}/agui/events`,
    headers: { "Last-Event-ID": session.endCursor },
  });
  await look.head;
  look.close();
  const path = join(dirname(session.rawPath), "compact.jsonl");
  for (;;) {
    const end = await readEnd(path);
    const ms = performance.now() - startedAtMs;
    if (end && end.rawEnd >= session.log.bytes) {
      const [logId] = session.endCursor.split("-");
      return { ms, endCursor: `${logId}-c${GENERATION}.${end.eventsEnd}` };
    }
    if (ms > TIMEOUT_MS) throw new Error(`${session.path} is not condensed in time`);
    await sleep(POLL_MS);
  }
}

/** The end of the log, or null if it does not end with a trailer now. */
async function readEnd(path: string): Promise<CompactEnd | null> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const from = Math.max(0, size - TAIL_BYTES);
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(size - from),
        0,
        size - from,
        from,
      );
      const tail = buffer.toString("latin1", 0, bytesRead);
      const [line = ""] = /(?<=^|\n)#[^\n]*\n$/.exec(tail) ?? [];
      const trailer = decodeTrailer(new TextEncoder().encode(line));
      return trailer && { rawEnd: trailer.rawEnd, eventsEnd: size - line.length };
    } finally {
      await file.close();
    }
  } catch {
    // it is not there yet, or was read in the midst of a write
    return null;
  }
}
