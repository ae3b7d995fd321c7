import type { LogStore } from "../../ports/log-store.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { sseComment, SseFramer, sseRetry } from "../../stream/sse/sse-frame.ts";
import { cursorPrefix, type LogPlace } from "../model/cursor.ts";
import { createLogFollower, type LogChunk, type SharedReads } from "./log-follower.ts";
import type { ReplayStart } from "./resume-point.ts";
import type { SessionUse } from "../session/session-registry.ts";

export interface EventStreamOptions {
  readonly store: LogStore;
  readonly start: ReplayStart;
  readonly reads: SharedReads;
  /**
   * When the client should come back after a break, in ms; with jitter, so that not all do at once.
   */
  readonly retryMs: number;
  /** Frames sent before all others. */
  readonly preface?: Uint8Array<ArrayBuffer>;
}

/** Sent to a viewer when nothing else was for a while. */
export const HEARTBEAT: Uint8Array<ArrayBuffer> = sseComment("heartbeat");

/**
 * One viewer: what a reader of the session finds, framed as server-sent events. The latest bytes
 * are already framed. Ends when the log is deleted or replaced.
 *
 * Takes over `use` and releases it when closed.
 */
export function createEventStream(use: SessionUse, options: EventStreamOptions): ChunkSource {
  const { store, start, reads } = options;
  const reader = createLogFollower(use, { store, start, reads, framed: true });
  let preamble: Uint8Array<ArrayBuffer> | null = preambleOf(options);
  /**
   * The framing that is under way, which spans chunks that follow each other: the log, and where
   * the next chunk begins.
   */
  let framing: { place: LogPlace; end: number; framer: SseFramer } | null = null;

  function framed({ place, start: from, end, bytes, isFramed }: LogChunk): Uint8Array<ArrayBuffer> {
    if (isFramed) return bytes;
    if (framing?.place !== place || framing.end !== from)
      framing = { place, end, framer: new SseFramer(cursorPrefix(place), from) };
    framing.end = end;
    return framing.framer.push(bytes);
  }

  return {
    async next() {
      if (preamble) {
        const bytes = preamble;
        preamble = null;
        return bytes;
      }
      const frames: Uint8Array<ArrayBuffer>[] = [];
      do {
        const chunk = await reader.next();
        if (!chunk) return null;
        frames.push(framed(chunk));
        // small blocks of the compact log are sent in one write
      } while (reader.hasNext);
      return concatBytes(frames);
    },
    get atBoundary() {
      return reader.atLineEnd;
    },
    close: () => reader.close(),
  };
}

/** How long in ms clients of a server that stops wait at least, and at most twice that. */
const COME_BACK_MS = 500;

/**
 * Tells the client of a server that stops to come back soon, and not all clients at once: another server, or
 * this one after its start, has the session then.
 */
export function comeBackSoon(): Uint8Array<ArrayBuffer> {
  return sseRetry(COME_BACK_MS * (1 + Math.random()));
}

function preambleOf({ start, retryMs, preface }: EventStreamOptions): Uint8Array<ArrayBuffer> {
  const retry = sseRetry(retryMs * (0.5 + Math.random()));
  const said = start.full === null ? [] : [sseComment(`full replay: ${start.full}`)];
  return concatBytes([retry, ...said, ...(preface ? [preface] : [])]);
}
