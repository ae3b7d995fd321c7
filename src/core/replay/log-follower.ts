import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { LogStore } from "../../ports/log-store.ts";
import type { BytesInFlight } from "../../stream/sync/bytes-in-flight.ts";
import type { TimeSlicer } from "../../stream/sync/time-slicer.ts";
import { EventSpans } from "../compaction/event-spans.ts";
import type { LogPlace } from "../model/cursor.ts";
import type { CompactRange, ReplayStart } from "./resume-point.ts";
import type { Session } from "../session/session.ts";
import type { SessionUse } from "../session/session-registry.ts";

/** Shared by all readers of the store that serve viewers. */
export interface SharedReads {
  /** Decides how much is read at once. */
  readonly bytes: BytesInFlight;
  /** The turns in which reads are begun, so that many of them do not block the event loop. */
  readonly turns: TimeSlicer;
}

export interface LogFollowerOptions {
  readonly store: LogStore;
  readonly start: ReplayStart;
  readonly reads: SharedReads;
  /**
   * Whether bytes that the session holds framed for its viewers may be returned as they are
   * (`isFramed`), which saves reading and framing them again. Default false: every chunk is bytes
   * of a log.
   */
  readonly framed?: boolean;
}

/**
 * Some bytes of one log: events, one a line. They break anywhere: a line may go on in the next
 * chunk, which then begins where this one ends. Between lines of a compact log there may be gaps.
 */
export interface LogChunk {
  /** The log that the bytes are from. */
  readonly place: LogPlace;
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
  /** The bytes; valid until the next chunk is asked for, and the reader's own to change. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether `bytes` are whole frames of a viewer's stream, and must not be changed. */
  readonly isFramed: boolean;
}

/** The result of `poll` when everything has been read. */
export const AT_END = "at-end";

/** Reads a session's history, then follows the log as it grows. */
export interface LogFollower {
  /**
   * The next bytes, or `AT_END` when there are none yet; null when the log was deleted or replaced.
   */
  poll(): Promise<LogChunk | typeof AT_END | null>;
  /** The next bytes, waiting for them if need be; null when the log was deleted or replaced. */
  next(): Promise<LogChunk | null>;
  /** Whether `next` can return a chunk without waiting or reading. */
  readonly hasNext: boolean;
  /** Whether the last chunk ended a line, or there was none yet. */
  readonly atLineEnd: boolean;
  /** Ends a waiting `next`, with null or the abort's error. Called exactly once. */
  close(): void;
}

/** A read of the store that is under way. */
interface Reading {
  readonly place: LogPlace;
  readonly reader: ReadableStreamBYOBReader;
  /** The one buffer of the whole read: a chunk has been used when the next is asked for. */
  readonly buffer: Uint8Array<ArrayBuffer>;
}

const LF = 10;

/**
 * One reader of a session at an offset: the compact log as far as `start` says, then the raw log,
 * then what is appended to it. All of it is the same loop, so there is no seam at which an event
 * could be lost or doubled. It holds an offset and at most one chunk.
 *
 * Takes over `use` and releases it when closed. A log that is deleted in the middle of a line is an
 * error, `log-not-found`.
 */
export function createLogFollower(use: SessionUse, options: LogFollowerOptions): LogFollower {
  const { session } = use;
  const { log } = session;
  const { store, start, reads, framed = false } = options;
  const abort = new AbortController();
  const unwatch = log.watch();
  let { logId, offset } = start;
  let isReady = !start.isImported;
  /** The part of the compact log that is still to be read. */
  let compact: CompactRange | null = start.compact;
  const events = new EventSpans(compact?.start ?? 0);
  let ready: LogChunk[] = [];
  let reading: Reading | null = null;
  let atLineEnd = true;
  const held = reads.bytes.share();

  function open(place: LogPlace, from: number, end: number): Reading {
    const range = { logId: place.logId, log: place.log, start: from, end, signal: abort.signal };
    const reader = store.read(log.key, range).getReader({ mode: "byob" });
    return { place, reader, buffer: new Uint8Array(0) };
  }

  function openNext(id: string): Reading {
    if (!compact) return open({ log: "raw", logId: id }, offset, log.position?.end ?? offset);
    const { generation, start: from, end } = compact;
    return open({ log: "compact", logId: id, generation }, from, end);
  }

  /** Reads the next bytes of the read that is under way, or ends it. */
  async function readOn({ place, reader, buffer }: Reading): Promise<void> {
    const { value, done } = await reads.turns.run(() => {
      const size = reads.bytes.nextBytes;
      // memory for the bytes that are read, and as much for the frames that are made of them
      held.hold(2 * size);
      // one buffer does as long as it has the right size
      return reader.read(buffer.length === size ? buffer : new Uint8Array(size));
    });
    if (done) {
      held.hold(0);
      reading = null;
      compact = null;
      return;
    }
    reading = { place, reader, buffer: new Uint8Array(value.buffer) };
    const isRaw = place.log === "raw";
    const spans = isRaw ? [{ start: offset, bytes: value }] : events.push(value);
    if (isRaw) offset += value.length;
    ready = spans.map(({ start: from, bytes }) => ({
      place,
      start: from,
      end: from + bytes.length,
      bytes,
      isFramed: false,
    }));
  }

  function takeReady(): LogChunk | null {
    const chunk = ready.shift() ?? null;
    if (chunk) atLineEnd = chunk.isFramed || chunk.bytes.at(-1) === LF;
    return chunk;
  }

  /** Takes the next bytes from those that the session holds; false if it holds none. */
  function readRecent(id: string): boolean {
    const hit = framed && !reading && !compact ? log.recent(id, offset) : null;
    if (!hit) return false;
    const { bytes, end } = hit;
    ready = [{ place: { log: "raw", logId: id }, start: offset, end, bytes, isFramed: true }];
    offset = end;
    return true;
  }

  /**
   * The end of a reader whose log was deleted; a line that is cut off must not be taken for a whole
   * one.
   */
  function endOfLog(): null {
    if (atLineEnd) return null;
    throw new RunlogError("log-not-found", "The log was deleted");
  }

  async function poll(): Promise<LogChunk | typeof AT_END | null> {
    if (!isReady) {
      offset = Math.max(offset, await readyFrom(session, abort.signal));
      isReady = true;
    }
    while (!abort.signal.aborted) {
      const chunk = takeReady();
      if (chunk) return chunk;
      const known = log.position;
      logId ??= known?.logId ?? null;
      if (logId !== null && known?.logId !== logId) return endOfLog();
      if (!reading && (logId === null || (!compact && offset >= (known?.end ?? 0)))) return AT_END;
      const id = logId ?? "";
      if (readRecent(id)) continue;
      try {
        reading ??= openNext(id);
        await readOn(reading);
      } catch (error) {
        // deleted while it was read; the announcement is still to come
        if (hasCode(error, "log-not-found")) return endOfLog();
        reading = null;
        if (!hasCode(error, "log-range") || !(await log.correctEnd())) throw error;
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
    get hasNext() {
      return ready.length > 0;
    },
    get atLineEnd() {
      return atLineEnd;
    },
    close() {
      abort.abort();
      held.release();
      reading?.reader.cancel().catch(() => {
        // the read ends by the signal; its error has no receiver
      });
      unwatch();
      use.release();
    },
  };
}

/**
 * Where the first event of an imported log begins, once the log has been scanned. Viewers get
 * heartbeats meanwhile.
 */
async function readyFrom(session: Session, signal: AbortSignal): Promise<number> {
  await Promise.race([session.load(), aborted(signal)]);
  return session.visibleFrom;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
