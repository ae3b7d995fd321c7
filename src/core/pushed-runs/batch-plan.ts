import { RunlogError } from "../../ports/errors.ts";
import { isOfRuns } from "../model/run-span.ts";
import type { PushedEvents } from "./pushed-events.ts";

/** A run that a batch begins. */
interface BegunRun {
  readonly runId: string;
  readonly threadId: string;
}

/** What a batch does to the runs of its producer. */
export interface BatchPlan {
  /** Whether the open run has to end first: its producer has started anew with another one. */
  readonly supersedes: boolean;
  readonly begins: readonly BegunRun[];
  /** The run that is open after it, or null. */
  readonly openAfter: string | null;
  readonly hasEnd: boolean;
}

interface KnownRuns {
  /** The producer's open run, or null. */
  readonly openRun: string | null;
  /** Whether the producer's run was open after its last batch. */
  readonly wasOpen: boolean;
  /** Whether it has started anew. */
  readonly isNewEpoch: boolean;
  /** Whether the session has had a run of this id. */
  readonly isKnown: (runId: string) => boolean;
  readonly defaultThreadId: string;
}

/**
 * The runs in a batch (PROTOCOL 23.7): each from its RUN_STARTED to its terminal, one after the other. Throws
 * `invalid-input` for anything else, and `run-ended` for events of a run that the server has ended.
 */
export function planBatch({ events, threads }: PushedEvents, known: KnownRuns): BatchPlan {
  const { openRun, wasOpen, isNewEpoch, isKnown, defaultThreadId } = known;
  const first = events[0];
  const isAnew = first?.type === "RUN_STARTED";
  const supersedes = openRun !== null && isNewEpoch && isAnew && first.runId !== openRun;
  if (openRun === null && wasOpen && !isAnew)
    throw new RunlogError("run-ended", "The run has ended; begin another one with RUN_STARTED");
  const begins: BegunRun[] = [];
  let open = supersedes ? null : openRun;
  let hasEnd = false;
  for (const [place, event] of events.entries()) {
    if (!isOfRuns(event)) continue;
    const { type, runId } = event;
    if (type === "RUN_STARTED") {
      if (open !== null) throw invalid(place, `run ${open} is open: end it first`);
      // longer ones are not read
      if (!runId) throw invalid(place, "RUN_STARTED has no runId of 1 to 256 bytes");
      if (isKnown(runId) || begins.some((run) => run.runId === runId))
        throw invalid(place, `the session has had run ${runId}`);
      begins.push({ runId, threadId: threads.get(place) || defaultThreadId });
      open = runId;
      continue;
    }
    if (open === null) throw invalid(place, `${type} of no open run`);
    if (runId && runId !== open) throw invalid(place, `${type} of another run than ${open}`);
    open = null;
    hasEnd = true;
  }
  return { supersedes, begins, openAfter: open, hasEnd };
}

function invalid(place: number, what: string): RunlogError {
  return new RunlogError("invalid-input", `invalid input: event ${place}: ${what}`);
}
