import type { LogStore } from "../ports/log-store.ts";
import { concatBytes } from "../stream/concat.ts";
import type { ChunkSource } from "../stream/paced-stream.ts";
import { sseComment, SseFramer, sseRetry } from "../stream/sse-frame.ts";
import { cursorPrefix, type LogPlace } from "./cursor.ts";
import { createLogReader } from "./log-reader.ts";
import type { ReplayStart } from "./replay.ts";
import type { SessionUse } from "./sessions.ts";

export interface EventStreamOptions {
  readonly store: LogStore;
  readonly start: ReplayStart;
  /** When the client should come back after a break, ms; with jitter, so that all do not at once. */
  readonly retryMs: number;
  /** Frames that come before everything else. */
  readonly preface?: Uint8Array<ArrayBuffer>;
}

/** What a viewer is sent when nothing else was for a while. */
export const HEARTBEAT: Uint8Array<ArrayBuffer> = sseComment("heartbeat");

/**
 * One viewer: what a reader of the session finds, framed as server-sent events. What is among the
 * latest bytes comes framed already. Ends when the log is deleted or replaced.
 *
 * Takes over `use` and releases it when closed.
 */
export function createEventStream(use: SessionUse, options: EventStreamOptions): ChunkSource {
  const { store, start } = options;
  const reader = createLogReader(use, { store, start, framed: true });
  let preamble: Uint8Array<ArrayBuffer> | null = preambleOf(options);
  /** Framing goes on over the chunks of one log; the place is that log. */
  let framing: { readonly place: LogPlace; readonly framer: SseFramer } | null = null;

  return {
    async next() {
      if (preamble) {
        const bytes = preamble;
        preamble = null;
        return bytes;
      }
      const chunk = await reader.next();
      if (!chunk) return null;
      const { place, bytes } = chunk;
      if (chunk.isFramed) {
        framing = null;
        return bytes;
      }
      if (framing?.place !== place)
        framing = { place, framer: new SseFramer(cursorPrefix(place), chunk.start) };
      return framing.framer.push(bytes);
    },
    get atBoundary() {
      return reader.atLineEnd;
    },
    close: () => reader.close(),
  };
}

function preambleOf({ start, retryMs, preface }: EventStreamOptions): Uint8Array<ArrayBuffer> {
  const retry = sseRetry(retryMs * (0.5 + Math.random()));
  const said = start.full === null ? [] : [sseComment(`full replay: ${start.full}`)];
  return concatBytes([retry, ...said, ...(preface ? [preface] : [])]);
}
