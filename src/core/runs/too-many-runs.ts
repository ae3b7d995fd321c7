import { RunlogError } from "../../ports/errors.ts";

/** The refusal of a run when as many wait as may; `runId` is the active one. */
export function tooManyRuns(runId: string | undefined): RunlogError {
  return new RunlogError(
    "run-active",
    "Too many runs are waiting; the session is not available for another one",
    { runId },
  );
}
