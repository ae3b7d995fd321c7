import type { MarkedRun } from "../log/open-run-marks.ts";
import { Cancellation } from "./cancellation.ts";
import type { OpenRunFound, TakenRun } from "./take-up-run.ts";
import { RunBody, type RunBodyOptions } from "./run-body.ts";
import type { RunAccepted, RunRequest } from "./run-request.ts";

/** A run between its admission and its end. */
export interface QueuedRun extends RunAccepted {
  readonly caller: RunRequest["caller"];
  readonly headers: RunRequest["headers"];
  readonly body: RunBody;
  readonly accepted: Promise<RunAccepted>;
  readonly cancellation: Cancellation;
  /** The run as its mark has it. */
  mark: MarkedRun;
  /** Settles, and never rejects, when no mark of it is being set. */
  marking: Promise<void>;
  /** What is known of a run that is taken up, or null for one that was posted here. */
  readonly taken: TakenRun | null;
  /** Whether its runner can be asked again for its events. */
  isResumable: boolean;
  /** Set once its posted messages are stored. */
  logId: string | null;
  /** Where the log ended when it was found out how far the run is, once `logId` is set. */
  knownEnd: number;
  /** Whether the runner has answered. */
  reached: boolean;
  /** Whether its RUN_FINISHED is stored. */
  isFinished: boolean;
}

/** A run that has just been asked for. */
export function queuedRun(
  { input, caller, headers, releaseBody: release }: Omit<RunRequest, "agent">,
  accepted: Promise<RunAccepted>,
  options: Pick<RunBodyOptions, "key" | "store" | "budget"> & { readonly taken?: TakenRun },
): QueuedRun {
  const { runId, threadId } = input;
  return {
    runId,
    threadId,
    caller,
    headers,
    body: new RunBody({ ...options, runId, pieces: input.body, release }),
    accepted,
    cancellation: new Cancellation(),
    mark: { threadId },
    marking: Promise.resolve(),
    taken: options.taken ?? null,
    isResumable: options.taken?.isKnown ?? false,
    logId: null,
    knownEnd: 0,
    reached: false,
    isFinished: false,
  };
}

/** Nobody is named to a runner that is not called with a body. */
const NOBODY: QueuedRun["caller"] = { userId: null, userName: null, groups: [], token: null };

const NOTHING_KEPT = { members: [], leftOut: [] };

type EntryOptions = Pick<RunBodyOptions, "key" | "store" | "budget">;

/** A run that was found open, whose runner is asked for the rest. */
export function takenUpRun(run: OpenRunFound, taken: TakenRun, options: EntryOptions): QueuedRun {
  const { knownEnd, progress } = taken;
  const state = { reached: true, isFinished: progress.finished, knownEnd };
  return Object.assign(markedEntry(run, { ...options, taken }), state);
}

/** A run that no runner is called for. */
export function heldEntry(run: OpenRunFound, options: EntryOptions): QueuedRun {
  return Object.assign(markedEntry(run, options), { isResumable: true });
}

function markedEntry(
  { runId, threadId, logId, mark, knownEnd }: OpenRunFound,
  options: EntryOptions & { readonly taken?: TakenRun },
): QueuedRun {
  const input = { runId, threadId, body: [], messages: [], kept: NOTHING_KEPT };
  const request = { input, caller: NOBODY, headers: {}, releaseBody: () => {} };
  const entry = queuedRun(request, Promise.resolve({ runId, threadId }), options);
  return Object.assign(entry, { logId, mark, knownEnd });
}
