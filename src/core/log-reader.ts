import { hasCode, RunlogError } from "../ports/errors.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { LogPlace } from "./cursor.ts";
import type { CompactRange, ReplayStart } from "./replay.ts";
import type { SessionUse } from "./sessions.ts";

export interface LogReaderOptions {
  readonly store: LogStore;
  readonly start: ReplayStart;
  /**
   * Whether bytes that the session holds framed for its viewers may come as they are (`isFramed`),
   * which saves reading and framing them again. Default false: every chunk is bytes of a log.
   */
  readonly framed?: boolean;
}

/**
 * Some bytes of one log. They break anywhere: a line may go on in the next chunk, and then that is
 * of the same log. In a compact log a line that begins with `#` is no event (`core/compaction`).
 */
export interface LogChunk {
  /** The log that the bytes are from. */
  readonly place: LogPlace;
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset behind the last byte. */
  readonly end: number;
  /** The bytes; valid until the next chunk is asked for, and the reader's own to change. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether `bytes` are whole frames of a viewer's stream, and must not be changed. */
  readonly isFramed: boolean;
}

/** What a reader says that has read everything there is. */
export const AT_END = "at-end";

/** Reads a session's history and goes on with what comes. */
export interface LogReader {
  /** The next bytes, or `AT_END` when there are none yet; null when the log was deleted or replaced. */
  poll(): Promise<LogChunk | typeof AT_END | null>;
  /** The next bytes, waiting for them if need be; null when the log was deleted or replaced. */
  next(): Promise<LogChunk | null>;
  /** Whether the last chunk ended a line, or there was none yet. */
  readonly atLineEnd: boolean;
  /** Ends a `next` that waits, with null or the abort's error. Called exactly once. */
  close(): void;
}

/** A read of the store that is under way. */
interface Reading {
  readonly place: LogPlace;
  readonly reader: ReadableStreamBYOBReader;
  /** One buffer does for the whole read: a chunk is used up when the next is asked for. */
  readonly buffer: Uint8Array<ArrayBuffer>;
}

/** Bytes read at once: with less, replays are slower; with more, each viewer holds more. */
const READ_BYTES = 64 * 1024;
const LF = 10;

/**
 * One reader of a session at an offset: the compact log as far as `start` says, then the raw log,
 * then what is appended to it. All of it is the same loop, so there is no seam at which an event
 * could be lost or doubled. It holds an offset and at most one chunk.
 *
 * Takes over `use` and releases it when closed. A log that goes in the midst of a line is an error,
 * `log-not-found`.
 */
export function createLogReader(use: SessionUse, options: LogReaderOptions): LogReader {
  const { log } = use.session;
  const { store, start, framed = false } = options;
  const abort = new AbortController();
  const unwatch = log.watch();
  let { logId, offset } = start;
  let compact: CompactRange | null = start.compact;
  let reading: Reading | null = null;
  let atLineEnd = true;

  function open(place: LogPlace, from: number, end: number): Reading {
    const range = { logId: place.logId, log: place.log, start: from, end, signal: abort.signal };
    const reader = store.read(log.key, range).getReader({ mode: "byob" });
    return { place, reader, buffer: new Uint8Array(READ_BYTES) };
  }

  function openCompact(id: string, { generation, start: from, end }: CompactRange): Reading {
    return open({ log: "compact", logId: id, generation }, from, end);
  }

  /** Where the next byte of the read that is under way lies. */
  function position(): number {
    return compact ? compact.start : offset;
  }

  function advance(bytes: number): void {
    if (compact) compact = { ...compact, start: compact.start + bytes };
    else offset += bytes;
  }

  /** The next bytes of the read that is under way, or null when it is through. */
  async function readOn({ place, reader, buffer }: Reading): Promise<LogChunk | null> {
    const { value, done } = await reader.read(buffer);
    if (done) {
      reading = null;
      compact = null;
      return null;
    }
    reading = { place, reader, buffer: new Uint8Array(value.buffer) };
    const from = position();
    advance(value.length);
    atLineEnd = value.at(-1) === LF;
    return { place, start: from, end: from + value.length, bytes: value, isFramed: false };
  }

  function recent(id: string): LogChunk | null {
    const hit = framed && !compact ? log.recent(id, offset) : null;
    if (!hit) return null;
    const from = offset;
    offset = hit.end;
    const place: LogPlace = { log: "raw", logId: id };
    return { place, start: from, end: hit.end, bytes: hit.bytes, isFramed: true };
  }

  /** The end of a reader whose log has gone; within a line it is not to be taken for a whole. */
  function endOfLog(): null {
    if (atLineEnd) return null;
    throw new RunlogError("log-not-found", "The log was deleted");
  }

  async function poll(): Promise<LogChunk | typeof AT_END | null> {
    while (!abort.signal.aborted) {
      const known = log.position;
      logId ??= known?.logId ?? null;
      if (logId !== null && known?.logId !== logId) return endOfLog();
      if (!reading && (logId === null || (!compact && offset >= (known?.end ?? 0)))) return AT_END;
      const id = logId ?? "";
      const hit = reading ? null : recent(id);
      if (hit) return hit;
      try {
        reading ??= compact
          ? openCompact(id, compact)
          : open({ log: "raw", logId: id }, offset, known?.end ?? offset);
        const chunk = await readOn(reading);
        if (chunk) return chunk;
      } catch (error) {
        // deleted while it was read, which is not announced yet
        if (hasCode(error, "log-not-found")) return endOfLog();
        throw error;
      }
    }
    return null;
  }

  return {
    poll,
    async next() {
      for (;;) {
        const seen = log.changes;
        const chunk = await poll();
        if (chunk !== AT_END) return chunk;
        await log.grown(abort.signal, seen);
      }
    },
    get atLineEnd() {
      return atLineEnd;
    },
    close() {
      abort.abort();
      reading?.reader.cancel().catch(() => {
        // the read ends by the signal; its error has nobody to go to
      });
      unwatch();
      use.release();
    },
  };
}
