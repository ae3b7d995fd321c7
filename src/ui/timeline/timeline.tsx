import { useMemo, useState } from "preact/hooks";
import { Empty, Failure, Loading } from "../components/notice.tsx";
import { bytes, clock, count, duration, tokensOf } from "../format/format.ts";
import type { ViewProps } from "../session/view.ts";
import {
  type AxisUnit,
  hasTimes,
  layOut,
  type RunSpan,
  type Timeline as Line,
} from "./timeline.ts";
import { TimelineChart } from "./timeline-chart.tsx";
import { MAX_RUNS, useRuns } from "./use-runs.ts";
import { useTools } from "./use-tools.ts";
import { type AxisRange, zoomed } from "./visible-bars.ts";
import "./timeline.css";

/** The runs of a session, and their tool calls, as bars over time or over the log. */
export function Timeline({ session, run, go, linkTo }: ViewProps) {
  const { runs, isCut, error, ask } = useRuns(session);
  const [wanted, setUnit] = useState<AxisUnit | null>(null);
  const [range, setRange] = useState<AxisRange | null>(null);
  const unit = wanted ?? (runs && hasTimes(runs) ? "time" : "bytes");
  const line = useMemo(() => layOut(runs ?? [], { unit, nowMs: Date.now() }), [runs, unit]);
  const view = range ?? line;
  const inView = line.spans.filter(({ from, to }) => to >= view.from && from <= view.to);
  const tools = useTools(
    session,
    inView.map((span) => span.run),
  );
  const chosen = line.spans.find((span) => span.run.runId === run) ?? null;
  const zoom = (factor: number): void => setRange(zoomed(line, view, { factor, at: 0.5 }));
  return (
    <div class="timeline">
      {error !== null && <Failure what="The runs could not be read" error={error} onRetry={ask} />}
      {runs === null && error === null && <Loading what="the runs" />}
      {runs?.length === 0 && <Empty>There is no run yet, so there is nothing on the line.</Empty>}
      {runs !== null && runs.length > 0 && (
        <>
          <div class="row">
            <label>
              <span class="unseen">What the line counts</span>
              <select
                value={unit}
                onChange={({ currentTarget }) => {
                  setUnit(currentTarget.value === "time" ? "time" : "bytes");
                  setRange(null);
                }}
              >
                <option value="time">Time</option>
                <option value="bytes">Log, without gaps</option>
              </select>
            </label>
            <button type="button" aria-label="Zoom in" onClick={() => zoom(0.5)}>
              +
            </button>
            <button type="button" aria-label="Zoom out" onClick={() => zoom(2)}>
              −
            </button>
            <button type="button" disabled={range === null} onClick={() => setRange(null)}>
              All
            </button>
            <span class="small quiet" role="status">
              {summaryOf(line, inView.length, isCut)}
            </span>
          </div>
          <TimelineChart
            timeline={line}
            range={view}
            onRange={setRange}
            tools={tools}
            chosen={run}
            onChoose={(runId) => go({ run: runId }, { replace: true })}
            onOpen={(runId) => go({ view: "events", run: runId, at: null })}
          />
          {chosen && (
            <ChosenRun
              span={chosen}
              calls={tools.get(chosen.run.runId) ?? []}
              onZoom={() => setRange(zoomed(line, chosen, { factor: 1.2, at: 0.5 }))}
              linkTo={linkTo}
            />
          )}
        </>
      )}
    </div>
  );
}

function ChosenRun({
  span: { run },
  calls,
  onZoom,
  linkTo,
}: {
  readonly span: RunSpan;
  readonly calls: readonly {
    readonly id: string;
    readonly name: string;
    readonly cursor: string;
  }[];
  readonly onZoom: () => void;
  readonly linkTo: ViewProps["linkTo"];
}) {
  const tokens = tokensOf(run.usage);
  const took =
    run.startedAt !== null && run.endedAt !== null
      ? duration(Date.parse(run.endedAt) - Date.parse(run.startedAt))
      : null;
  return (
    <section class="notice" aria-label="The chosen run">
      <div class="row">
        <h2 class="grow">
          <bdi>{run.runId}</bdi>
        </h2>
        <button type="button" onClick={onZoom}>
          Zoom to it
        </button>
        <a href={linkTo({ view: "events", run: run.runId, at: null })}>Events</a>
        {run.endCursor !== null && (
          <a href={linkTo({ view: "conversation", at: run.endCursor })}>Conversation then</a>
        )}
        <a href={linkTo({ view: "compare", run: run.runId })}>Compare</a>
      </div>
      <p class="small">
        {run.status}
        {run.startedAt !== null && ` · ${clock(Date.parse(run.startedAt))}`}
        {took !== null && ` · ${took}`}
        {` · ${run.events.toLocaleString()} events · ${bytes(run.bytes)}`}
        {tokens !== null && ` · ${count(tokens)} tokens`}
      </p>
      {run.error && (
        <p class="small run-error">
          <bdi>{run.error.message}</bdi>
        </p>
      )}
      {calls.length > 0 && (
        <ul class="tool-calls small">
          {calls.slice(0, MAX_CALLS).map(({ id, name, cursor }) => (
            <li key={id}>
              <a href={linkTo({ view: "events", at: cursor, run: null })}>
                <bdi>{name}</bdi>
              </a>
            </li>
          ))}
          {calls.length > MAX_CALLS && <li>and {calls.length - MAX_CALLS} more</li>}
        </ul>
      )}
    </section>
  );
}

const MAX_CALLS = 50;

function summaryOf({ spans, left }: Line, inView: number, isCut: boolean): string {
  const all = spans.length.toLocaleString();
  return [
    inView === spans.length ? `${all} runs` : `${inView.toLocaleString()} of ${all} runs`,
    ...(left > 0 ? [`${left.toLocaleString()} not on the line`] : []),
    ...(isCut ? [`only the latest ${MAX_RUNS.toLocaleString()} are read`] : []),
  ].join(", ");
}
