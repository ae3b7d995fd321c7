import type { OpenRun } from "./append-run-error.ts";
import type { RunOutcome } from "./execute-run.ts";
import type { OpenRunFound } from "./take-up-run.ts";

/** An open run, and whether somebody has cancelled it. */
export interface HeldWork extends OpenRun {
  readonly cancelled: AbortSignal;
}

/** A run that no runner is called for: others store its events, and it is its session's active run meanwhile. */
export interface HeldRun extends OpenRunFound {
  /** Resolves when the run is over, or left open for the next process. Never rejects. */
  work(held: HeldWork): Promise<RunOutcome>;
}
