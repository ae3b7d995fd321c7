import type { RunFacts } from "../../client/index.ts";

/** What the axis counts: milliseconds since 1970, or bytes of the log, where times are not known or gaps are not wanted. */
export type AxisUnit = "time" | "bytes";

/** A run on the axis. */
export interface RunSpan {
  readonly run: RunFacts;
  readonly from: number;
  readonly to: number;
  /** Runs of one lane do not overlap. */
  readonly lane: number;
}

/** The runs of a session on one axis, in the order in which they begin. */
export interface Timeline {
  readonly unit: AxisUnit;
  readonly from: number;
  readonly to: number;
  readonly lanes: number;
  readonly spans: readonly RunSpan[];
  /** Runs that are not on it: those that wait, and on an axis of time those without a time. */
  readonly left: number;
}

/** Further runs at one time lie over others. */
const MAX_LANES = 6;

/** Whether at least half of the runs that have begun say when. */
export function hasTimes(runs: readonly RunFacts[]): boolean {
  const begun = runs.filter(({ startCursor }) => startCursor !== null);
  return begun.filter((run) => timesOf(run, 0) !== null).length * 2 >= begun.length;
}

/** Lays the runs, newest first as they are listed, on an axis. A run that goes on reaches to `nowMs`. */
export function layOut(
  runs: readonly RunFacts[],
  { unit, nowMs }: { readonly unit: AxisUnit; readonly nowMs: number },
): Timeline {
  const placed = unit === "time" ? onTime(runs, nowMs) : onBytes(runs);
  placed.sort((a, b) => a.from - b.from);
  const laneEnds: number[] = [];
  const spans = placed.map((span) => {
    // times are as exact as the log's record of arrivals: two runs may have the same one, and no zoom tells them apart
    const isPoint = span.from === span.to;
    let lane = laneEnds.findIndex((end) => (isPoint ? end < span.from : end <= span.from));
    if (lane === -1) lane = Math.min(laneEnds.length, MAX_LANES - 1);
    laneEnds[lane] = Math.max(laneEnds[lane] ?? -Infinity, isPoint ? span.to + 0.5 : span.to);
    return { ...span, lane };
  });
  const from = spans[0]?.from ?? 0;
  return {
    unit,
    from,
    to: spans.reduce((latest, { to }) => Math.max(latest, to), from),
    lanes: laneEnds.length,
    spans,
    left: runs.length - spans.length,
  };
}

function onTime(runs: readonly RunFacts[], nowMs: number): Omit<RunSpan, "lane">[] {
  return runs.toReversed().flatMap((run) => {
    const times = timesOf(run, nowMs);
    return times === null ? [] : [{ run, ...times }];
  });
}

/** Side by side, each as long as its part of the log. */
function onBytes(runs: readonly RunFacts[]): Omit<RunSpan, "lane">[] {
  let from = 0;
  return runs
    .filter(({ startCursor }) => startCursor !== null)
    .toReversed()
    .map((run) => {
      const span = { run, from, to: from + Math.max(1, run.bytes) };
      from = span.to;
      return span;
    });
}

function timesOf(
  { startedAt, endedAt, status }: RunFacts,
  nowMs: number,
): { readonly from: number; readonly to: number } | null {
  const from = startedAt === null ? Number.NaN : Date.parse(startedAt);
  if (Number.isNaN(from)) return null;
  const end = endedAt === null ? Number.NaN : Date.parse(endedAt);
  const last = status === "running" ? nowMs : from;
  return { from, to: Math.max(from, Number.isNaN(end) ? last : end) };
}
