import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunFacts } from "../../../../src/client/index.ts";
import { hasTimes, layOut } from "../../../../src/ui/timeline/timeline.ts";
import { toolBars } from "../../../../src/ui/timeline/tool-bars.ts";
import {
  moved,
  ticksOf,
  visibleBars,
  visibleGaps,
  zoomed,
} from "../../../../src/ui/timeline/visible-bars.ts";

const WIDTH = 800;

function run(index: number, facts: Partial<RunFacts> = {}): RunFacts {
  return {
    runId: `r${index}`,
    threadId: "t",
    status: "finished",
    startedAt: null,
    endedAt: null,
    startCursor: `c${index}`,
    endCursor: `c${index + 1}`,
    events: 10,
    bytes: 100,
    toolCalls: 0,
    usage: null,
    error: null,
    ...facts,
  };
}

function timed(index: number, from: number, to: number | null, facts: Partial<RunFacts> = {}) {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return run(index, { startedAt: iso(from), endedAt: to === null ? null : iso(to), ...facts });
}

const someRuns = fc.array(
  fc.record({
    from: fc.nat(1_000_000),
    length: fc.nat(50_000),
    status: fc.constantFrom("finished", "error", "running", "cancelled"),
  }),
  { minLength: 1, maxLength: 60 },
);

describe("a time line", () => {
  it("has each run that began, in lanes without overlaps as long as there are lanes", () => {
    fc.assert(
      fc.property(someRuns, (made) => {
        const runs = made.map(({ from, length, status }, index) =>
          timed(index, from, from + length, { status: status as RunFacts["status"] }),
        );
        const { spans, from, to, lanes } = layOut(runs, { unit: "time", nowMs: 2_000_000 });
        expect(new Set(spans.map((span) => span.run.runId)).size).toBe(runs.length);
        for (const span of spans) {
          expect(span.from >= from && span.to <= to && span.lane < lanes).toBe(true);
          const over = spans.filter(
            (other) =>
              other !== span &&
              other.lane === span.lane &&
              other.from < span.to &&
              span.from < other.to,
          );
          if (lanes < 6) expect(over).toEqual([]);
        }
      }),
    );
  });

  it("shows each run that is in view in one bar, in as many as there is room for", () => {
    fc.assert(
      fc.property(
        someRuns,
        fc.nat(900_000),
        fc.integer({ min: 1, max: 900_000 }),
        (made, from, length) => {
          const runs = made.map((each, index) => timed(index, each.from, each.from + each.length));
          const timeline = layOut(runs, { unit: "time", nowMs: 0 });
          const range = { from, to: from + length };
          const bars = visibleBars(timeline, range, WIDTH);
          const shown = bars.flatMap(({ spans }) => spans.map((span) => span.run.runId));
          const inView = timeline.spans.filter(
            (span) => span.to >= range.from && span.from <= range.to,
          );
          expect(shown.toSorted()).toEqual(inView.map((span) => span.run.runId).toSorted());
          for (const { x, width } of bars)
            expect(x >= 0 && width > 0 && x + width <= WIDTH + 3).toBe(true);
        },
      ),
    );
  });

  it("of ten thousand runs is a few hundred bars, of which an error is seen", () => {
    const runs = Array.from({ length: 10_000 }, (_, index) =>
      timed(index, index * 1_000, index * 1_000 + 500, index === 5_000 ? { status: "error" } : {}),
    );
    const timeline = layOut(runs, { unit: "time", nowMs: 0 });
    const bars = visibleBars(timeline, timeline, WIDTH);
    expect(bars.length).toBeLessThan(WIDTH);
    expect(bars.filter(({ kind }) => kind === "error")).toHaveLength(1);
    const near = { from: 5_000_000, to: 5_010_000 };
    expect(visibleBars(timeline, near, WIDTH).every(({ spans }) => spans.length === 1)).toBe(true);
  });

  it("without times goes by the log's bytes, oldest first", () => {
    const runs = [run(2, { bytes: 300 }), run(1, { startCursor: null }), run(0, { bytes: 100 })];
    expect(hasTimes(runs)).toBe(false);
    expect(hasTimes([...runs, timed(3, 1, 2), timed(4, 1, 2)])).toBe(true);
    const { spans, from, to, left } = layOut(runs, { unit: "bytes", nowMs: 0 });
    expect(spans.map((span) => [span.run.runId, span.from, span.to])).toEqual([
      ["r0", 0, 100],
      ["r2", 100, 400],
    ]);
    expect([from, to, left]).toEqual([0, 400, 1]);
  });

  it("names the long times in which nothing went on, not those within a run that is longer", () => {
    const runs = [timed(0, 0, 1_000), timed(1, 100, 200), timed(2, 9_000, 10_000)];
    const timeline = layOut(runs, { unit: "time", nowMs: 0 });
    expect(visibleGaps(timeline, timeline, WIDTH)).toMatchObject([{ from: 1_000, to: 9_000 }]);
  });

  it("shows a run without a length at either end", () => {
    const timeline = layOut([timed(2, 900, 900), timed(1, 100, 100)], { unit: "time", nowMs: 0 });
    const bars = visibleBars(timeline, timeline, WIDTH);
    expect(bars.map(({ x, width }) => [x >= 0, x + width <= WIDTH, width > 2])).toEqual([
      [true, true, true],
      [true, true, true],
    ]);
  });

  it("tells runs of one time apart, also at the end of a longer one", () => {
    const points = layOut([timed(2, 100, 100), timed(1, 100, 100)], { unit: "time", nowMs: 0 });
    const bars = visibleBars(points, points, WIDTH);
    expect(bars.map(({ spans }) => spans.map((span) => span.run.runId))).toEqual([["r1"], ["r2"]]);
    const first = layOut([timed(2, 0, 950), timed(1, 0, 0)], { unit: "time", nowMs: 0 });
    expect(first.spans.map(({ lane }) => lane)).toEqual([0, 1]);
    const last = layOut([timed(2, 950, 950), timed(1, 0, 950)], { unit: "time", nowMs: 0 });
    expect(visibleBars(last, last, WIDTH).map(({ spans }) => spans.length)).toEqual([1, 1]);
    const near = layOut([timed(2, 951, 951), timed(1, 0, 950)], { unit: "time", nowMs: 0 });
    expect(visibleBars(near, near, WIDTH).map(({ spans }) => spans.length)).toEqual([1, 1]);
  });

  it("of a run that goes on reaches to now", () => {
    const runs = [timed(0, 1_000, null, { status: "running" })];
    expect(layOut(runs, { unit: "time", nowMs: 5_000 })).toMatchObject({ from: 1_000, to: 5_000 });
  });

  it("is zoomed and moved within its bounds", () => {
    const timeline = layOut([timed(0, 1_000, 9_000)], { unit: "time", nowMs: 0 });
    const half = zoomed(timeline, timeline, { factor: 0.5, at: 0.5 });
    expect(half).toEqual({ from: 3_000, to: 7_000 });
    expect(moved(timeline, half, 10)).toEqual({ from: 5_000, to: 9_000 });
    expect(moved(timeline, half, -10)).toEqual({ from: 1_000, to: 5_000 });
    expect(zoomed(timeline, half, { factor: 100, at: 0 })).toEqual({ from: 1_000, to: 9_000 });
  });

  it("has labels at round values, no more than there is room for", () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.integer({ min: 10, max: 1e12 }), (from, length) => {
        for (const unit of ["time", "bytes"] as const) {
          const ticks = ticksOf({ from, to: from + length }, unit, 6);
          expect(ticks.length).toBeLessThanOrEqual(7);
          for (const tick of ticks) expect(tick >= from && tick <= from + length).toBe(true);
        }
      }),
    );
    expect(ticksOf({ from: 500, to: 3_200 }, "time", 6)).toEqual([
      500, 1_000, 1_500, 2_000, 2_500, 3_000,
    ]);
  });
});

describe("the tool calls of a run", () => {
  const events = [
    { type: "RUN_STARTED", timestamp: 1_000 },
    { type: "TOOL_CALL_START", toolCallId: "a", toolCallName: "look", timestamp: 2_000 },
    { type: "TOOL_CALL_ARGS", toolCallId: "a", delta: "{}" },
    { type: "TOOL_CALL_RESULT", toolCallId: "a", content: "x", timestamp: 4_000 },
    { type: "TOOL_CALL_START", toolCallId: "b", toolCallName: "do", timestamp: 4_000 },
    { type: "RUN_FINISHED", timestamp: 5_000 },
  ];
  const cursors = events.map((_, index) => `c${index}`);

  it("lie where their times are", () => {
    expect(toolBars(events, cursors)).toEqual([
      { id: "a", name: "look", from: 0.25, to: 0.75, cursor: "c1", isAnswered: true },
      { id: "b", name: "do", from: 0.75, to: 0.75, cursor: "c4", isAnswered: false },
    ]);
  });

  it("lie by their count where there are no times", () => {
    const untimed = events.map((event) => ({ ...event, timestamp: null }));
    expect(toolBars(untimed, cursors)).toMatchObject([
      { id: "a", from: 2 / 6, to: 4 / 6 },
      { id: "b", from: 5 / 6, to: 5 / 6 },
    ]);
  });
});
