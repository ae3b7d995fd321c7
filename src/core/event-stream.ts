import { hasCode, RunlogError } from "../ports/errors.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { BytesInFlight } from "../stream/bytes-in-flight.ts";
import { concatBytes } from "../stream/concat.ts";
import type { ChunkSource } from "../stream/paced-stream.ts";
import { sseComment, SseFramer, sseRetry } from "../stream/sse-frame.ts";
import { rawCursorPrefix } from "./cursor.ts";
import type { ReplayStart } from "./replay.ts";
import type { SessionUse } from "./sessions.ts";

export interface EventStreamOptions {
  readonly store: LogStore;
  readonly start: ReplayStart;
  /** Says how much a read takes at once; shared by all viewers that read the store. */
  readonly inFlight: BytesInFlight;
  /** When the client should come back after a break, ms; with jitter, so that all do not at once. */
  readonly retryMs: number;
}

/** What a viewer is sent when nothing else was for a while. */
export const HEARTBEAT: Uint8Array<ArrayBuffer> = sseComment("heartbeat");

/** A read of the store that is under way. */
interface Reading {
  readonly reader: ReadableStreamBYOBReader;
  readonly framer: SseFramer;
  buffer: Uint8Array<ArrayBuffer>;
}

/**
 * One viewer: a reader of the raw log at an offset, framed as server-sent events. Replay and live
 * are the same loop - what is among the latest bytes comes from the session's ring, everything else
 * from the store - so there is no seam at which an event could be lost or doubled. It holds an
 * offset and at most one chunk, and ends when its log is deleted or replaced.
 *
 * Takes over `use` and releases it when closed.
 */
export function createEventStream(use: SessionUse, options: EventStreamOptions): ChunkSource {
  const { log } = use.session;
  const { store, start, inFlight } = options;
  const abort = new AbortController();
  const unwatch = log.watch();
  let { logId, offset } = start;
  let preamble: Uint8Array<ArrayBuffer> | null = preambleOf(options);
  let reading: Reading | null = null;
  /** Bytes of this viewer that are in memory: what it reads into, and the frames made of it. */
  let held = 0;

  /** The next bytes of a read of the store, framed, or null when that read is through. */
  async function readStored(id: string, end: number): Promise<Uint8Array<ArrayBuffer> | null> {
    if (!reading) {
      const { signal } = abort;
      const bytes = store.read(log.key, { logId: id, start: offset, end, signal });
      reading = {
        reader: bytes.getReader({ mode: "byob" }),
        framer: new SseFramer(rawCursorPrefix(id), offset),
        buffer: new Uint8Array(0),
      };
    }
    const { reader, framer, buffer } = reading;
    // who is asked for the next chunk has got rid of the one before
    hold(buffer.length);
    const size = inFlight.nextBytes;
    // framing copies, so that one buffer does as long as it has the right size
    const { value, done } = await reader.read(
      buffer.length === size ? buffer : new Uint8Array(size),
    );
    if (done) {
      reading = null;
      hold(0);
      return null;
    }
    offset += value.length;
    reading.buffer = new Uint8Array(value.buffer);
    const frames = framer.push(value);
    hold(reading.buffer.length + frames.buffer.byteLength);
    return frames;
  }

  function hold(bytes: number): void {
    // a read may come to its end after the viewer has gone
    const now = abort.signal.aborted ? 0 : bytes;
    inFlight.change(held, now);
    held = now;
  }

  function isAtBoundary(): boolean {
    return reading?.framer.atBoundary ?? true;
  }

  /** The end of a stream whose log has gone; within a frame only a break tells that it is not whole. */
  function endOfLog(): null {
    if (isAtBoundary()) return null;
    throw new RunlogError("log-not-found", "The log was deleted");
  }

  async function next(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (preamble) {
      const bytes = preamble;
      preamble = null;
      return bytes;
    }
    while (!abort.signal.aborted) {
      const position = log.position;
      logId ??= position?.logId ?? null;
      if (logId !== null && position?.logId !== logId) return endOfLog();
      if (reading || (position && logId !== null && offset < position.end)) {
        const id = logId ?? "";
        const hit = reading ? null : log.recent(id, offset);
        if (hit) {
          offset = hit.end;
          return hit.bytes;
        }
        try {
          const bytes = await readStored(id, position?.end ?? offset);
          if (bytes) return bytes;
        } catch (error) {
          // deleted while it was read, which is not announced yet
          if (hasCode(error, "log-not-found")) return endOfLog();
          throw error;
        }
      } else {
        await log.grown(abort.signal);
      }
    }
    return null;
  }

  return {
    next,
    get atBoundary() {
      return isAtBoundary();
    },
    close() {
      abort.abort();
      reading?.reader.cancel().catch(() => {
        // the read ends by the signal; its error has nobody to go to
      });
      hold(0);
      unwatch();
      use.release();
    },
  };
}

function preambleOf({ start, retryMs }: EventStreamOptions): Uint8Array<ArrayBuffer> {
  const retry = sseRetry(retryMs * (0.5 + Math.random()));
  if (start.full === null) return retry;
  return concatBytes([retry, sseComment(`full replay: ${start.full}`)]);
}
