import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { bytes, clock, duration } from "../format/format.ts";
import type { AxisUnit, Timeline } from "./timeline.ts";
import type { ToolBar } from "./tool-bars.ts";
import {
  type AxisRange,
  type Bar,
  moved,
  ticksOf,
  visibleBars,
  visibleGaps,
  zoomed,
} from "./visible-bars.ts";

export interface TimelineChartProps {
  readonly timeline: Timeline;
  readonly range: AxisRange;
  readonly onRange: (range: AxisRange) => void;
  /** The tool calls of runs in view, by the run's id, as far as they are known. */
  readonly tools: ReadonlyMap<string, readonly ToolBar[]>;
  /** The bar that is chosen is the one with this run. */
  readonly chosen: string | null;
  readonly onChoose: (runId: string) => void;
  /** One wants to see what is in the run. */
  readonly onOpen: (runId: string) => void;
}

const AXIS_PIXELS = 24;
const LANE_PIXELS = 56;
const RUN_PIXELS = 22;
const TOOL_PIXELS = 14;
const TICK_PIXELS = 110;
const DEFAULT_WIDTH = 800;
const MIN_LABEL_PIXELS = 60;
const ZOOM = 2;
const WHEEL_ZOOM = 1.2;

/** The runs as bars, the tool calls below them. Arrow keys go from bar to bar, + and - zoom, Enter opens. */
export function TimelineChart(props: TimelineChartProps) {
  const { timeline, range, onRange, tools, chosen, onChoose, onOpen } = props;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const bars = visibleBars(timeline, range, width);
  const gaps = visibleGaps(timeline, range, width);
  const ticks = ticksOf(range, timeline.unit, Math.max(1, Math.floor(width / TICK_PIXELS)));
  const scale = width / Math.max(1, range.to - range.from);
  const height = AXIS_PIXELS + Math.max(1, timeline.lanes) * LANE_PIXELS;
  const at = bars.findIndex((bar) => hasRun(bar, chosen));

  const choose = (index: number): void => {
    const span = bars[Math.min(bars.length - 1, Math.max(0, index))]?.spans[0];
    if (span) onChoose(span.run.runId);
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowRight: () => choose(at + 1),
    ArrowLeft: () => choose(at === -1 ? bars.length - 1 : at - 1),
    Home: () => onRange(timeline),
    PageUp: () => onRange(moved(timeline, range, -0.5)),
    PageDown: () => onRange(moved(timeline, range, 0.5)),
    "+": () => onRange(zoomed(timeline, range, { factor: 1 / ZOOM, at: 0.5 })),
    "-": () => onRange(zoomed(timeline, range, { factor: ZOOM, at: 0.5 })),
    Enter: () => chosen !== null && onOpen(chosen),
  };
  return (
    <div
      ref={frame}
      class="timeline-chart"
      role="application"
      aria-label="Time line of the runs: left and right choose a run, plus and minus zoom, Enter shows its events"
      tabIndex={0}
      onKeyDown={(event) => {
        const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
        if (!act || event.altKey) return;
        event.preventDefault();
        act();
      }}
      onWheel={(event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        const { left } = event.currentTarget.getBoundingClientRect();
        const factor = event.deltaY > 0 ? WHEEL_ZOOM : 1 / WHEEL_ZOOM;
        onRange(zoomed(timeline, range, { factor, at: (event.clientX - left) / width }));
      }}
    >
      <svg width={width} height={height} role="presentation">
        {ticks.map((tick) => (
          <g key={tick} transform={`translate(${(tick - range.from) * scale} 0)`}>
            <line class="tick" y1={AXIS_PIXELS} y2={height} />
            <text class="tick-label" x={3} y={16}>
              {labelOf(tick, timeline.unit)}
            </text>
          </g>
        ))}
        {gaps.map((gap) => (
          <text
            key={gap.from}
            class="gap"
            x={gap.x + gap.width / 2}
            y={height - 6}
            text-anchor="middle"
          >
            idle {duration(gap.to - gap.from)}
          </text>
        ))}
        {bars.map((bar) => (
          <RunBar
            key={`${bar.lane} ${bar.spans[0]?.run.runId}`}
            {...{ bar, tools, onChoose, onOpen }}
            isChosen={hasRun(bar, chosen)}
          />
        ))}
      </svg>
    </div>
  );
}

function RunBar({
  bar,
  tools,
  isChosen,
  onChoose,
  onOpen,
}: Pick<TimelineChartProps, "tools" | "onChoose" | "onOpen"> & {
  readonly bar: Bar;
  readonly isChosen: boolean;
}) {
  const y = AXIS_PIXELS + bar.lane * LANE_PIXELS;
  const [first] = bar.spans;
  if (!first) return null;
  const calls = bar.spans.length === 1 ? (tools.get(first.run.runId) ?? []) : [];
  const label =
    bar.spans.length === 1 ? first.run.runId : `${bar.spans.length.toLocaleString()} runs`;
  return (
    <g
      class={`run-bar ${bar.kind} ${isChosen ? "chosen" : ""}`}
      data-run={first.run.runId}
      onClick={() => (isChosen ? onOpen(first.run.runId) : onChoose(first.run.runId))}
    >
      <title>
        {label}: {bar.kind}
      </title>
      <rect x={bar.x} y={y} width={bar.width} height={RUN_PIXELS} rx={3} />
      {bar.width >= MIN_LABEL_PIXELS && (
        <svg x={bar.x} y={y} width={bar.width} height={RUN_PIXELS}>
          <text x={6} y={15}>
            {label}
          </text>
        </svg>
      )}
      {calls.map((call) => (
        <rect
          key={call.id}
          class={call.isAnswered ? "tool" : "tool open"}
          x={bar.x + call.from * bar.width}
          y={y + RUN_PIXELS + 3}
          width={Math.max(2, (call.to - call.from) * bar.width)}
          height={TOOL_PIXELS}
          rx={2}
        >
          <title>{call.name}</title>
        </rect>
      ))}
    </g>
  );
}

function hasRun(bar: Bar, runId: string | null): boolean {
  return runId !== null && bar.spans.some(({ run }) => run.runId === runId);
}

function labelOf(tick: number, unit: AxisUnit): string {
  return unit === "time" ? clock(tick) : bytes(tick);
}

function useWidth(frame: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(DEFAULT_WIDTH);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const measure = (): void => setWidth(Math.max(1, Math.floor(element.clientWidth)));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return width;
}
