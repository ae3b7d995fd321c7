import { BoundedMap } from "./bounded-map.ts";

export interface RateLimiterOptions {
  /** How many in `perMs`: at once as well, if there were none for so long. At least 1. */
  readonly most: number;
  readonly perMs: number;
  /** How many keys are remembered: who has not been here for longest is forgotten, as if it had never come. */
  readonly keys: number;
  /** The time in ms. */
  readonly now: () => number;
}

export interface RateLimiter {
  /** Counts one for this key. Returns 0, or the ms until the next one: then nothing was counted. */
  take(key: string): number;
}

/**
 * Limits how often something is done, for each key (GCRA, the generic cell rate algorithm): one number a key, the time at which all
 * that was counted is paid off.
 */
export function createRateLimiter({ keys, most, now, perMs }: RateLimiterOptions): RateLimiter {
  const costMs = perMs / most;
  const paidAt = new BoundedMap<string, number>(keys);
  return {
    take(key) {
      const nowMs = now();
      const nextMs = Math.max(paidAt.get(key) ?? 0, nowMs) + costMs;
      const waitMs = nextMs - nowMs - perMs;
      // sums of fractions are not exact
      if (waitMs > costMs / 1_000) return waitMs;
      paidAt.set(key, nextMs);
      return 0;
    },
  };
}
