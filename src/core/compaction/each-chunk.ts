import type { LogName, LogReader, LogStat, SessionKey } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { createTimeSlicer } from "../../stream/sync/time-slicer.ts";

/** A part of a log. */
export interface ChunksOptions extends ByteRange {
  readonly key: SessionKey;
  readonly store: Pick<LogReader, "read">;
  readonly stat: LogStat;
  /** Default the raw one. */
  readonly log?: LogName;
  /** Ends the reading at the next chunk with the signal's reason. */
  readonly signal: AbortSignal;
}

/** Bytes read at once. With 64 KiB half of the time goes into asking for them (measured on disk). */
const READ_BYTES = 256 * 1024;
/** Bytes between two looks at the clock: few, since code that has hardly run yet is slow. */
const TAKE_BYTES = 32 * 1024;
/** How long in ms work goes on before other tasks get a turn. */
const TURN_MS = 4;

/**
 * Reads a range of a log until `take` returns false. The next chunk is read while `take`
 * works on one, and other tasks get their turns. A chunk is valid until `take` has settled. Throws
 * what the store or `take` throws.
 */
export async function eachChunk(
  { key, store, stat, log = "raw", start, end, signal }: ChunksOptions,
  take: (chunk: Uint8Array<ArrayBuffer>) => Promise<boolean>,
): Promise<void> {
  if (start === end) return;
  const range = { logId: stat.logId, log, start, end, signal };
  const reader = store.read(key, range).getReader({ mode: "byob" });
  const read = (
    buffer: ArrayBuffer,
  ): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> => {
    const result = reader.read(new Uint8Array(buffer));
    // a chunk that is not wanted any more must not fail either
    result.catch(() => {});
    return result;
  };
  let next = read(new ArrayBuffer(READ_BYTES));
  let spare = new ArrayBuffer(READ_BYTES);
  const turns = createTimeSlicer({ turnMs: TURN_MS });
  try {
    for (;;) {
      const { value, done } = await next;
      if (done) return;
      next = read(spare);
      for (let at = 0; at < value.length; at += TAKE_BYTES) {
        const part = value.subarray(at, at + TAKE_BYTES);
        if (!(await turns.run(() => take(part)))) return;
      }
      spare = value.buffer;
    }
  } finally {
    await reader.cancel().catch(() => {
      // it ended by the signal or by an error that is on its way
    });
  }
}
