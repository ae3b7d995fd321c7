import { Cancellation } from "./cancellation.ts";
import { RunBody, type RunBodyOptions } from "./run-body.ts";
import type { RunAccepted, RunRequest } from "./run-request.ts";

/** A run between its admission and its end. */
export interface QueuedRun extends RunAccepted {
  readonly caller: RunRequest["caller"];
  readonly headers: RunRequest["headers"];
  readonly body: RunBody;
  readonly accepted: Promise<RunAccepted>;
  readonly cancellation: Cancellation;
  /** Whether its mark records that its runner does not know it yet. */
  waits: boolean;
  /** Set once its posted messages are stored. */
  logId: string | null;
  /** Whether the runner has answered. */
  reached: boolean;
  /** Whether its RUN_FINISHED is stored. */
  isFinished: boolean;
}

/** A run that has just been asked for. */
export function queuedRun(
  { input, caller, headers, releaseBody: release }: RunRequest,
  accepted: Promise<RunAccepted>,
  options: Pick<RunBodyOptions, "key" | "store" | "budget">,
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
    waits: false,
    logId: null,
    reached: false,
    isFinished: false,
  };
}
