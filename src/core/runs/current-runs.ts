import type { Session } from "../session/session.ts";
import { findRun } from "../model/session-state.ts";
import type { RunAccepted } from "./run-request.ts";
import type { Runs } from "./runs.ts";

/** The runs of a session that have not ended. */
export interface CurrentRuns {
  /** The one that is worked on, or that the log has open; null if there is none. */
  readonly activeRun: RunAccepted | null;
  /** Those that wait after it, in their order. */
  readonly waitingRuns: readonly RunAccepted[];
  /** Whether that is what the log says, so that it changes with the log alone. */
  readonly isOfLog: boolean;
}

/** The runs of a loaded session that have not ended. */
export function currentRuns(
  runs: Pick<Runs, "unfinishedRun">,
  { key, state }: Session,
): CurrentRuns {
  const { openRun } = state;
  const open = openRun
    ? { runId: openRun, threadId: findRun(state, openRun)?.threadId || key.session }
    : null;
  const activeRun = runs.unfinishedRun(key) ?? open;
  const waitingRuns = state.runs
    .filter(({ runId, phase }) => phase === "waiting" && runId !== activeRun?.runId)
    .map(({ runId, threadId }) => ({ runId, threadId }));
  const isOfLog = waitingRuns.length === 0 && activeRun?.runId === open?.runId;
  return { activeRun, waitingRuns, isOfLog };
}
