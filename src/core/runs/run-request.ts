import type { Caller } from "../../ports/authorizer.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { RunInput } from "./run-input.ts";

/** A run that a client asks for. */
export interface RunRequest {
  readonly input: RunInput;
  readonly caller: Caller;
  /**
   * Headers of the caller's request that are forwarded to the runner. They are kept in memory only.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** The agent that it names, or null: the session's, or the default. */
  readonly agent: string | null;
  /** Releases the memory of the body, once the runner has it or never will. Idempotent. */
  readonly releaseBody: () => void;
}

/** The answer to an accepted run. */
export interface RunAccepted {
  readonly runId: string;
  readonly threadId: string;
}

/** A run that was admitted, and the log that it was admitted to. */
export interface AdmittedRun extends RunAccepted {
  readonly logId: string;
}

/** The refusal of a run when the queue is full; `runId` is the active one. */
export function tooManyRuns(runId: string | undefined): RunlogError {
  return new RunlogError(
    "run-active",
    "Too many runs are waiting; the session is not available for another one",
    { runId },
  );
}
