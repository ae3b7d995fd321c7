import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import { createRateLimiter, type RateLimiter } from "../../stream/sync/rate-limiter.ts";

/** How much each caller may ask of this process; null for as much as they want (PROTOCOL 13.11). */
export interface CallerQuotas {
  /** Requests in a minute. */
  readonly callerRequests: number | null;
  /** Runs that are posted in an hour. */
  readonly callerRuns: number | null;
  /** Streams open at once. */
  readonly callerStreams: number | null;
}

/** Counts what each caller does; a caller of whom nothing is known (`""`) is not counted. All throw `rate-limited`. */
export interface CallerLimits {
  /** Counts a request. */
  countRequest(caller: string): void;
  /** Counts a run that is posted. */
  countRun(caller: string): void;
  /** Does nothing but throw, when the caller has as many streams open as it may. */
  assertStream(caller: string): void;
  /** Counts a stream, until the function that it returns is called. */
  countStream(caller: string): () => void;
}

const MINUTE_MS = 60_000;
/** Callers that are remembered: some MiB. */
const CALLERS = 10_000;
/** A stream ends when it ends: so long in s a caller with too many waits before it looks again. */
const STREAM_WAIT_S = 5;

export function createCallerLimits(
  { callerRequests, callerRuns, callerStreams }: CallerQuotas,
  { now }: Pick<Clock, "now">,
): CallerLimits {
  const limiter = (most: number | null, perMs: number): RateLimiter | null =>
    most === null ? null : createRateLimiter({ most, perMs, keys: CALLERS, now });
  const requests = limiter(callerRequests, MINUTE_MS);
  const runs = limiter(callerRuns, 60 * MINUTE_MS);
  /** Bounded by the streams that may be open in all. */
  const open = new Map<string, number>();

  function count(limits: RateLimiter | null, caller: string, refusal: string): void {
    const waitMs = caller === "" || !limits ? 0 : limits.take(caller);
    if (waitMs > 0) throw limited(refusal, Math.ceil(waitMs / 1_000));
  }

  function assertStream(caller: string): void {
    if (callerStreams === null || caller === "" || (open.get(caller) ?? 0) < callerStreams) return;
    throw limited(`Too many streams are open, at most ${callerStreams} at once`, STREAM_WAIT_S);
  }

  return {
    countRequest: (caller) =>
      count(requests, caller, `Too many requests, at most ${callerRequests} a minute`),
    countRun: (caller) => count(runs, caller, `Too many runs, at most ${callerRuns} an hour`),
    assertStream,
    countStream(caller) {
      assertStream(caller);
      open.set(caller, (open.get(caller) ?? 0) + 1);
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        const left = (open.get(caller) ?? 0) - 1;
        if (left > 0) open.set(caller, left);
        else open.delete(caller);
      };
    },
  };
}

function limited(text: string, retryAfterS: number): RunlogError {
  return new RunlogError("rate-limited", text, { retryAfterS });
}
