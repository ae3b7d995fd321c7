import { describe, expect, it } from "vitest";
import { createToldRuns } from "../../../scripts/load/told-runs.ts";
import { createViewChecker } from "../../../scripts/soak/view-checker.ts";

const LOG_ID = "abcdefghijklmnop";
const EVENT = '{"type":"CUSTOM","value":"ü"}';
const LENGTH = Buffer.byteLength(EVENT) + 1;

/** What a checker says of events with these ids, cut into pieces of `size` bytes. */
function check(ids: readonly (string | null)[], size = 7) {
  const checker = createViewChecker();
  const frames = ids.map((id) => `data: ${EVENT}\n${id === null ? "" : `id: ${id}\n`}\n`);
  const bytes = Buffer.from(`retry: 2000\n: heartbeat\n${frames.join("")}`);
  for (let at = 0; at < bytes.length; at += size) checker.push(bytes.subarray(at, at + size));
  return checker;
}

const compact = (...offsets: number[]): string[] =>
  offsets.map((offset) => `${LOG_ID}-c1.${offset}`);
const raw = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${LOG_ID}-r${from + index * LENGTH}`);

describe("the checker of a view", () => {
  it("finds nothing wrong with compacted runs and the raw log after them, and knows what was seen of that", () => {
    // a trailer lies between the second and the third
    const ids = [...compact(LENGTH, 2 * LENGTH, 3 * LENGTH + 200), ...raw(5_000, 3)];
    for (const size of [1, 7, 1_000]) {
      const { seen, violations } = check(ids, size);
      expect(violations).toEqual([]);
      expect(seen).toMatchObject({ logId: LOG_ID, start: 5_000, end: 5_000 + 2 * LENGTH });
    }
  });

  it("finds nothing wrong with a snapshot and the raw log after it", () => {
    const { seen, violations } = check([null, null, ...raw(90, 2)]);
    expect(violations).toEqual([]);
    expect(seen).toMatchObject({ start: 90, end: 90 + LENGTH });
  });

  it.each<[string, readonly (string | null)[], RegExp]>([
    ["a condensed event that comes twice", compact(LENGTH, LENGTH), /twice or out of order/],
    ["condensed events that changed places", compact(900, 400), /twice or out of order/],
    ["a condensed event behind the raw log", [...raw(90, 2), ...compact(500)], /no cursor/],
    ["a hole in the raw log", [...compact(LENGTH), ...raw(90, 1), ...raw(500, 1)], /a hole/],
    ["a raw event that comes twice", [...raw(90, 2), ...raw(90, 1)], /twice or out of order/],
    ["another log", [...compact(LENGTH), "0000000000000000-r9"], /another log/],
    ["another generation", [...compact(LENGTH), `${LOG_ID}-c2.999`], /another generation/],
    ["an event without a cursor", [...compact(LENGTH), null], /without a cursor/],
    ["what is no cursor", ["x"], /no cursor/],
  ])("finds %s", (_what, ids, expected) => {
    expect(check(ids).violations.join("\n")).toMatch(expected);
  });
});

describe("the checker of runs that are sent", () => {
  const told = (...types: string[]): boolean => {
    const runs = createToldRuns();
    for (const type of types) runs.take(JSON.stringify({ type }));
    return runs.isOpen;
  };

  it("knows whether a run is open", () => {
    expect(told()).toBe(false);
    expect(told("RUN_STARTED", "X", "RUN_FINISHED")).toBe(false);
    expect(told("RUN_STARTED", "RUN_ERROR", "RUN_STARTED")).toBe(true);
  });

  it("takes nothing between runs, no run within a run, and nothing that is no event", () => {
    expect(() => told("X")).toThrow(/outside of all runs/);
    expect(() => told("RUN_STARTED", "RUN_FINISHED", "X")).toThrow(/outside of all runs/);
    expect(() => told("RUN_STARTED", "RUN_STARTED")).toThrow(/inside of a run/);
    expect(() => createToldRuns().take("[]")).toThrow(/no event/);
    expect(() => createToldRuns().take('{"type"')).toThrow(SyntaxError);
  });
});
