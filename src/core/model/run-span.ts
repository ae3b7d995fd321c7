import { hashText, shortHash } from "./posted-message-ids.ts";

/**
 * Which runs are open according to a log alone: one rule for all readers of logs (decision 023).
 * The open run is the one that was started last. Runs that were started before it and have not
 * ended are remembered, so that it is known whose end a terminal is.
 */
export interface RunSpan {
  /** The run that was started last, until it ends; "" if it has no id. */
  readonly openRun: string | null;
  /**
   * The id that the runner uses for a posted run ("" for none), and the id with which the run was
   * posted.
   */
  readonly standIn: { readonly runnerRunId: string; readonly runId: string } | null;
  /** Hashes of the runs that have begun and not ended, the latest of them. */
  readonly begun: readonly number[];
  /** Hashes of those that ended while others of these were open. */
  readonly ended: readonly number[];
}

/** The events that begin and end runs. */
export interface RunEvent {
  readonly type: string;
  readonly runId: string | null;
  readonly runnerRunId: string | null;
}

interface SpanStep {
  readonly span: RunSpan;
  /** The run that the event is of; "" if it names none. */
  readonly runId: string;
  /** Whether it is a terminal that ends every open run: the run that it names was never started. */
  readonly endsAll: boolean;
}

export const NO_RUN_OPEN: RunSpan = { openRun: null, standIn: null, begun: [], ended: [] };

/** Most runs that are remembered. The terminal of an earlier one ends every open run. */
const MAX_RUNS = 64;

export function isTerminal({ type }: Pick<RunEvent, "type">): boolean {
  return type === "RUN_FINISHED" || type === "RUN_ERROR";
}

/** Whether the event begins or ends a run. */
export function isOfRuns(event: Pick<RunEvent, "type">): boolean {
  return event.type === "RUN_STARTED" || isTerminal(event);
}

/** The span after a RUN_STARTED or a terminal. */
export function nextSpan(span: RunSpan, event: RunEvent): SpanStep {
  const runId = resolveRun(span, event.runId);
  return isTerminal(event) ? afterEnd(span, runId) : afterStart(span, runId, event.runnerRunId);
}

/** The run that an event with this id means: a runner may use an id of its own for the run. */
export function resolveRun({ standIn }: RunSpan, runId: string | null): string {
  return standIn?.runnerRunId === (runId ?? "") ? standIn.runId : (runId ?? "");
}

/** Whether a run of this id has begun and not ended. */
export function isBegun({ begun }: RunSpan, runId: string): boolean {
  return begun.includes(hashOf(runId));
}

function afterStart(span: RunSpan, runId: string, runnerRunId: string | null): SpanStep {
  const hash = hashOf(runId);
  const isFirst = span.begun.length === 0;
  const named = runnerRunId === null ? span.standIn : { runnerRunId, runId };
  return {
    runId,
    endsAll: false,
    span: {
      openRun: runId,
      // after its end the runner's id still means that run as long as no other begins
      standIn: isFirst && named?.runId !== runId ? null : named,
      begun: latest(span.begun, hash),
      ended: isFirst ? [] : span.ended.filter((other) => other !== hash),
    },
  };
}

function afterEnd(span: RunSpan, named: string): SpanStep {
  const { openRun, standIn } = span;
  const runId = named === "" ? (openRun ?? "") : named;
  const hash = hashOf(runId);
  const isKnown = runId === openRun || span.begun.includes(hash);
  if (!isKnown && !span.ended.includes(hash))
    return { runId, endsAll: true, span: { ...NO_RUN_OPEN, standIn } };
  const begun = span.begun.filter((other) => other !== hash);
  const ended = begun.length === 0 ? [] : latest(span.ended, hash);
  const next = runId === openRun ? null : openRun;
  return { runId, endsAll: false, span: { openRun: next, standIn, begun, ended } };
}

function latest(hashes: readonly number[], hash: number): readonly number[] {
  return [...hashes.filter((other) => other !== hash), hash].slice(-MAX_RUNS);
}

function hashOf(runId: string): number {
  return shortHash(hashText(runId));
}
