import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BackOff } from "../../../../src/stream/sync/back-off.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const options = fc.record({
  firstMs: fc.integer({ min: 1, max: 1_000 }),
  maxMs: fc.integer({ min: 1_000, max: 60_000 }),
  factor: fc.double({ min: 1, max: 4, noNaN: true }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});

describe("back-off", () => {
  it("makes each pause longer by its factor up to the longest, and shorter by chance by its jitter", () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 40 }), (given, count) => {
        const backOff = new BackOff(given);
        let longest = given.firstMs;
        for (let i = 0; i < count; i++) {
          const ms = backOff.next();
          expect(ms).toBeLessThanOrEqual(longest * 1.000_001);
          expect(ms).toBeGreaterThanOrEqual(longest * (1 - given.jitter) * 0.999_999);
          longest = Math.min(longest * given.factor, given.maxMs);
        }
      }),
    );
  });

  it("doubles without chance unless told otherwise, and begins again after a success", () => {
    const backOff = new BackOff({ firstMs: 100, maxMs: 500 });
    const take = (count: number): number[] => Array.from({ length: count }, () => backOff.next());
    expect(take(5)).toEqual([100, 200, 400, 500, 500]);
    backOff.reset();
    expect(take(2)).toEqual([100, 200]);
  });

  it("waits for the next pause, or until it is told to stop", async () => {
    const clock = createManualClock();
    const backOff = new BackOff({ firstMs: 100, maxMs: 500 });
    const passed: string[] = [];
    const waited = backOff.pause(clock, null).then(() => passed.push("the first"));
    clock.advance(99);
    await Promise.resolve();
    expect(passed).toEqual([]);
    clock.advance(1);
    await waited;
    const stop = new AbortController();
    const stopped = backOff.pause(clock, stop.signal);
    stop.abort();
    await stopped;
    expect(passed).toEqual(["the first"]);
  });
});
