import type { AxisUnit, RunSpan, Timeline } from "./timeline.ts";

/** The part of the axis that is in view. */
export interface AxisRange {
  readonly from: number;
  readonly to: number;
}

/** A bar: one run, or several of one lane that are too short to be told apart. */
export interface Bar {
  readonly spans: readonly RunSpan[];
  readonly lane: number;
  /** In pixels from the left, at least `MIN_BAR_PIXELS` wide. */
  readonly x: number;
  readonly width: number;
  readonly kind: BarKind;
}

/** The worst of its runs. */
type BarKind = "error" | "unended" | "interrupted" | "cancelled" | "running" | "finished";

/** A long time without a run. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly x: number;
  readonly width: number;
}

const MIN_BAR_PIXELS = 3;
/** Shorter gaps are not named. */
const MIN_GAP_PIXELS = 60;
const WORST_FIRST: readonly BarKind[] = [
  "error",
  "unended",
  "interrupted",
  "cancelled",
  "running",
  "finished",
];

/** The bars of what is in view. However many runs there are, there are no more than the pixels have room for. */
export function visibleBars(
  { spans }: Timeline,
  { from, to }: AxisRange,
  widthPixels: number,
): readonly Bar[] {
  const scale = widthPixels / Math.max(1, to - from);
  const bars: Bar[] = [];
  /** The last bar of each lane. */
  const last = new Map<number, number>();
  for (const span of spans) {
    if (span.to < from || span.from > to) continue;
    // one that begins at the end of what is in view is seen as well
    const x = Math.max(0, Math.min((span.from - from) * scale, widthPixels - MIN_BAR_PIXELS));
    const end = Math.min(widthPixels, Math.max((span.to - from) * scale, x + MIN_BAR_PIXELS));
    const at = last.get(span.lane);
    const before = at === undefined ? undefined : bars[at];
    const isShort = end - x <= MIN_BAR_PIXELS;
    // a run that is long enough to be seen stays a bar of its own
    const joins = before && (before.spans.length > 1 || before.width <= MIN_BAR_PIXELS);
    if (at !== undefined && joins && isShort && x < before.x + before.width)
      bars[at] = {
        ...before,
        spans: [...before.spans, span],
        width: Math.max(before.width, end - before.x),
        kind: worse(before.kind, kindOf(span)),
      };
    else {
      last.set(span.lane, bars.length);
      bars.push({ spans: [span], lane: span.lane, x, width: end - x, kind: kindOf(span) });
    }
  }
  return bars;
}

/** The long times in view in which no run went on. */
export function visibleGaps(
  { spans, unit }: Timeline,
  { from, to }: AxisRange,
  widthPixels: number,
): readonly Gap[] {
  if (unit === "bytes") return [];
  const scale = widthPixels / Math.max(1, to - from);
  const gaps: Gap[] = [];
  let busyUntil = spans[0]?.to ?? 0;
  for (const span of spans) {
    const start = Math.max(from, busyUntil);
    const end = Math.min(to, span.from);
    busyUntil = Math.max(busyUntil, span.to);
    const width = (end - start) * scale;
    if (width >= MIN_GAP_PIXELS)
      gaps.push({ from: start, to: end, x: (start - from) * scale, width });
  }
  return gaps;
}

/** The range after zooming: `factor` below 1 shows less, around the place that is at `at` (0 to 1) of the view. */
export function zoomed(
  timeline: Timeline,
  { from, to }: AxisRange,
  { factor, at }: { readonly factor: number; readonly at: number },
): AxisRange {
  const length = to - from;
  const wanted = Math.max(1, length * factor);
  return within(timeline, {
    from: from + (length - wanted) * at,
    to: from + (length - wanted) * at + wanted,
  });
}

/** The range moved by a share of itself. */
export function moved(timeline: Timeline, { from, to }: AxisRange, share: number): AxisRange {
  const by = (to - from) * share;
  return within(timeline, { from: from + by, to: to + by });
}

function within(timeline: Timeline, { from, to }: AxisRange): AxisRange {
  const whole = Math.max(1, timeline.to - timeline.from);
  const length = Math.min(whole, to - from);
  const start = Math.min(Math.max(from, timeline.from), timeline.from + whole - length);
  return { from: start, to: start + length };
}

function kindOf({ run: { status } }: RunSpan): BarKind {
  return status === "waiting" ? "running" : status;
}

function worse(a: BarKind, b: BarKind): BarKind {
  return WORST_FIRST.indexOf(a) <= WORST_FIRST.indexOf(b) ? a : b;
}

/** Places on the axis for labels, at round values, at most `count`. */
export function ticksOf({ from, to }: AxisRange, unit: AxisUnit, count: number): readonly number[] {
  const steps = unit === "time" ? TIME_STEPS_MS : BYTE_STEPS;
  const length = to - from;
  const step = steps.find((each) => length / each <= count) ?? length / count;
  const ticks: number[] = [];
  for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) ticks.push(tick);
  return ticks;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS_MS: readonly number[] = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365, 3_650].map((days) => days * DAY),
];
const BYTE_STEPS: readonly number[] = Array.from({ length: 15 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
).flat();
