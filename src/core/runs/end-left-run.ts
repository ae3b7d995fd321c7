import { RunlogError } from "../../ports/errors.ts";
import { findRun } from "../model/session-state.ts";
import { NOT_STARTED } from "../model/run-end-reasons.ts";
import { endRun } from "./append-run-error.ts";
import type { RunAccepted } from "./run-request.ts";
import type { RunQueueOptions } from "./run-queue-options.ts";

type Options = Pick<RunQueueOptions, "clock" | "events" | "logger" | "session" | "store">;

/**
 * Sees to it that a run which is posted, and on which nobody works, is not in the log without an end, where it was
 * stored before: its runner may have it, and would run it twice. One that a mark names is ended by whoever finds the mark;
 * then this rejects with `log-not-writable`, until that is done. To be called while no run of the session is closed.
 */
export async function endLeftRun(options: Options, run: RunAccepted): Promise<void> {
  const { clock, events, logger, session, store } = options;
  const { key } = session;
  const logId = await session.load();
  if (logId === null || findRun(session.state, run.runId)?.phase !== "waiting") return;
  const { offset: knownEnd } = session.state;
  let isMarked = false;
  for await (const mark of store.openRuns(key))
    isMarked ||= mark.runId === run.runId && mark.logId === logId;
  if (isMarked) {
    events.emit("run-released", { key });
    throw notEnded();
  }
  const open = { session, clock, logger, logId, knownEnd, ...run, signal: AbortSignal.abort() };
  if (!(await endRun(open, NOT_STARTED, { started: false, forgets: true }))) throw notEnded();
}

function notEnded(): RunlogError {
  return new RunlogError(
    "log-not-writable",
    "The run was posted before and has not been ended; try again",
  );
}
