import type { Clock } from "../../src/ports/clock.ts";

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets `ms` pass: calls every timer that falls due, in the order of their times. */
  advance(ms: number): void;
  /** How many timers are set: 0 when everything was cancelled or has fired. */
  readonly pending: number;
}

interface Timer {
  dueMs: number;
  readonly everyMs: number | null;
  readonly fn: () => void;
}

/** A clock that shows `startMs` (epoch ms) at first. */
export function createManualClock(startMs = 1_800_000_000_000): ManualClock {
  let nowMs = startMs;
  const timers = new Set<Timer>();

  function set(dueMs: number, everyMs: number | null, fn: () => void): () => void {
    const timer = { dueMs, everyMs, fn };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  /** The timer that falls due first until `untilMs`; of equals the one that was set first. */
  function nextUntil(untilMs: number): Timer | null {
    let next: Timer | null = null;
    for (const timer of timers)
      if (timer.dueMs <= untilMs && (next === null || timer.dueMs < next.dueMs)) next = timer;
    return next;
  }

  function fire(timer: Timer): void {
    nowMs = Math.max(nowMs, timer.dueMs);
    if (timer.everyMs === null) timers.delete(timer);
    else timer.dueMs += timer.everyMs;
    timer.fn();
  }

  return {
    now: () => nowMs,
    after: (ms, fn) => set(nowMs + Math.max(ms, 0), null, fn),
    // an interval of 0 would never let `advance` come to its end
    every: (ms, fn) => set(nowMs + Math.max(ms, 1), Math.max(ms, 1), fn),
    advance(ms) {
      const untilMs = nowMs + ms;
      for (let timer = nextUntil(untilMs); timer !== null; timer = nextUntil(untilMs)) fire(timer);
      nowMs = untilMs;
    },
    get pending() {
      return timers.size;
    },
  };
}
