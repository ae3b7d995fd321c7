import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRateLimiter } from "../../../../src/stream/sync/rate-limiter.ts";

const PER_MS = 1_000;

function limiterAt(clock: { ms: number }, most: number, keys = 10) {
  return createRateLimiter({ most, perMs: PER_MS, keys, now: () => clock.ms });
}

describe("a rate limiter", () => {
  it("lets as many through at once as in a time, then one as each is paid off, and says when", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 200 }),
        (most, pauses) => {
          const clock = { ms: 0 };
          const limiter = limiterAt(clock, most);
          const taken: number[] = [];
          for (const pause of pauses) {
            clock.ms += pause;
            const waitMs = limiter.take("a");
            if (waitMs === 0) taken.push(clock.ms);
            else {
              expect(waitMs).toBeLessThanOrEqual(PER_MS / most);
              // not a moment before
              clock.ms += waitMs / 2;
              expect(limiter.take("a")).toBeGreaterThan(0);
              clock.ms += waitMs / 2 + 0.001;
              expect(limiter.take("a")).toBe(0);
              taken.push(clock.ms);
            }
          }
          // no time has more than what may come at once, and what is paid off meanwhile
          for (const [index, from] of taken.entries()) {
            const within = taken.slice(index).filter((ms) => ms < from + PER_MS).length;
            expect(within).toBeLessThanOrEqual(2 * most);
          }
          expect(taken.length).toBeGreaterThanOrEqual(Math.min(most, pauses.length));
        },
      ),
    );
  });

  it("counts each key by itself, and forgets who has not been there for longest", () => {
    const clock = { ms: 0 };
    const limiter = limiterAt(clock, 1, 2);
    for (const key of ["a", "b"]) expect(limiter.take(key)).toBe(0);
    for (const key of ["a", "b"]) expect(limiter.take(key)).toBe(PER_MS);
    expect(limiter.take("c")).toBe(0);
    expect(limiter.take("b")).toBe(PER_MS);
    expect(limiter.take("a")).toBe(0);
  });
});
