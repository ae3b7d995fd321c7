import type { Clock } from "../../src/ports/clock.ts";

/**
 * A clock on real timers whose time runs `factor` times as fast as the machine's, so that a schedule
 * of a minute is over in 60 ms.
 */
export function createFastClock(factor = 1000): Clock {
  const startMs = Date.now();
  const origin = performance.now();

  return {
    now: () => startMs + (performance.now() - origin) * factor,
    after(ms, fn) {
      const timer = setTimeout(fn, ms / factor);
      return () => clearTimeout(timer);
    },
    every(ms, fn) {
      const timer = setInterval(fn, ms / factor).unref();
      return () => clearInterval(timer);
    },
  };
}
