import type { EventFacts } from "../../ports/runner-client.ts";
import {
  isOfRuns,
  isTerminal,
  nextSpan,
  NO_RUN_OPEN,
  resolveRun,
  type RunSpan,
} from "../model/run-span.ts";

/** How far a run is by the events that its runner has sent. */
export interface RunProgress {
  readonly started: boolean;
  /** Whether the run's last stored event is a terminal. */
  readonly ended: boolean;
  /** After RUN_FINISHED nothing opens the run again; after RUN_ERROR its runner may go on. */
  readonly finished: boolean;
  /** The runs that this stream has begun. */
  readonly span: RunSpan;
}

export const NOTHING_SENT: RunProgress = {
  started: false,
  ended: false,
  finished: false,
  span: NO_RUN_OPEN,
};

/**
 * The progress of `runId` after an event of its stream. A terminal is the run's unless the stream has
 * begun another run with its id (decision 023).
 */
export function progressAfter(before: RunProgress, event: EventFacts, runId: string): RunProgress {
  if (!isOfRuns(event)) {
    if (!before.ended) return before;
    const named = resolveRun(before.span, event.runId);
    return named === "" || named === runId ? { ...before, ended: false } : before;
  }
  const step = nextSpan(before.span, event);
  const isOwn = step.endsAll || step.runId === runId;
  const next = { ...before, started: true, span: step.span };
  if (!isOwn) return next;
  const finished = event.type === "RUN_FINISHED";
  return { ...next, finished, ended: isTerminal(event) };
}
