import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { ByteRange } from "../model/byte-range.ts";
import type { Session } from "../session/session.ts";
import type { StreamPlace } from "./find-stream.ts";

export interface WaitOptions {
  readonly place: StreamPlace;
  /** Where it goes on once a session has a log that has none yet. */
  readonly placeIn: (logId: string) => StreamPlace;
  readonly clock: Clock;
  /** How long in ms. */
  readonly forMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Whether the server stops, so that the client should ask another one. */
  readonly isStopping: () => boolean;
}

interface NextPart {
  readonly place: StreamPlace;
  readonly ranges: readonly ByteRange[];
  /** Where the log ended. */
  readonly end: number;
}

/** How soon in ms a wait ends when the server stops. */
const STOP_MS = 500;

/**
 * The next part of a stream as soon as there is one; without ranges if none came in time, or none can come any more.
 * Throws `log-not-found` when the log is deleted meanwhile, and what the store throws.
 */
export async function waitForPart(
  { log: raw }: Session,
  { place: begin, placeIn, clock, forMs, signal, isStopping }: WaitOptions,
): Promise<NextPart> {
  const over = new AbortController();
  const leave = (): void => over.abort();
  const cancelTimer = clock.after(forMs, leave);
  const stopLooking = clock.every(STOP_MS, () => {
    if (isStopping()) leave();
  });
  signal.addEventListener("abort", leave, { once: true });
  const unwatch = raw.watch();
  let place = begin;
  try {
    for (;;) {
      const seen = raw.changes;
      if (place.log === null && raw.position) place = placeIn(raw.position.logId);
      if (place.log && raw.position?.logId !== place.log.logId)
        throw new RunlogError("log-not-found", "The log was deleted");
      const end = place.log ? (raw.position?.end ?? 0) : 0;
      const ranges = await place.reader.part(end);
      const isOver = over.signal.aborted || signal.aborted || place.reader.isClosed;
      if (ranges.length > 0 || isOver) return { place, ranges, end };
      await raw.grown(over.signal, seen);
    }
  } finally {
    unwatch();
    stopLooking();
    cancelTimer();
    signal.removeEventListener("abort", leave);
  }
}
