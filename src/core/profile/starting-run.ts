import { fitsCapture } from "../../stream/json/json-scan.ts";
import type { Rest, Steps } from "../../stream/sync/steps.ts";
import type { HeldRange } from "./held-events.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";

/** The run that a line begins, or null; where the line takes long, the steps that end with it. */
export type Pushed = StartingRun | Steps<StartingRun | null> | null;

/**
 * A run whose RUN_STARTED was pushed. Before the next line the owner feeds what is held to `inject`,
 * calls `begin`, and pushes the other lines that are held by `ProfileStream.pushHeld`.
 */
export interface StartingRun {
  /** Removes and returns what is held for the RUN_STARTED: messages, its input. */
  takeHeldSnapshots(): HeldRange[];
  /** Takes a held snapshot of messages, or an input, which the RUN_STARTED sends. */
  inject(line: ParsedEvent): Rest;
  /** Sends the RUN_STARTED, with the messages that the client does not have. */
  begin(): Rest;
  /** Removes and returns the other held lines of the run, which is open now. */
  takeHeldEvents(): HeldRange[];
}

/** The id of a run that a line names; null if it is too long to be known by. */
export function runIdOf(line: ParsedEvent): string | null {
  const runId = line.text("runId") ?? line.text("run_id");
  return runId === null || fitsCapture(runId) ? runId : null;
}
