import type { Clock } from "../../ports/clock.ts";
import { hasCode } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import { BackOff } from "../../stream/sync/back-off.ts";
import { factsOfLine, runCancelled, runError, runStarted } from "../model/server-events.ts";
import { CANCELLED, type RunEnd } from "../model/run-end-reasons.ts";
import type { Session } from "../session/session.ts";
import { forgetRun, type SessionState } from "../model/session-state.ts";

/** A run that was admitted and has not ended. */
export interface OpenRun {
  readonly session: Session;
  /** The log that the run was admitted to; the run writes into no other. */
  readonly logId: string;
  readonly threadId: string;
  readonly runId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Ends the run from outside, with a `RunEnd` as its reason: the server stops or the session is
   * deleted.
   */
  readonly signal: AbortSignal;
}

interface EndRunOptions {
  /** Whether the log has its RUN_STARTED. */
  readonly started: boolean;
  /** Whether it may be posted again, since it never reached its runner. Default false. */
  readonly forgets?: boolean;
}

const BACK_OFF = { firstMs: 500, maxMs: 30_000 } as const;

/**
 * Appends the RUN_ERROR, or of a cancelled run the RUN_FINISHED, and RUN_STARTED before it unless the
 * run was started. Repeats while the store refuses it and the server runs. Resolves with whether the
 * run is over. Never rejects.
 */
export async function endRun(
  run: OpenRun,
  end: RunEnd,
  { started, forgets = false }: EndRunOptions,
): Promise<boolean> {
  const { clock, session, logger, logId, runId, threadId, signal } = run;
  for (const backOff = new BackOff(BACK_OFF); ;) {
    const context = { threadId, runId, timestamp: clock.now() };
    const lines = started ? [] : [runStarted(context)];
    const isCancelled = end.code === CANCELLED.code;
    lines.push(isCancelled ? runCancelled(context) : runError(context, end.message, end.code));
    const events = lines.map((line) => factsOfLine(line));
    try {
      const change = (state: SessionState): SessionState =>
        forgets ? forgetRun(state, runId) : state;
      await session.append({ lines, events }, { logId, durable: true, change });
      return true;
    } catch (error) {
      // the process that has the session now finds the run's mark, and ends the run
      if (hasCode(error, "log-not-owned")) return false;
      logger.error("run-end-not-stored", { ...session.key, runId, error });
      // the log is gone: there is nothing left to close
      if (hasCode(error, "log-fenced", "log-not-found")) return true;
      if (signal.aborted || hasCode(error, "store-closed")) return false;
      await backOff.pause(clock, signal);
    }
  }
}
