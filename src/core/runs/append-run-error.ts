import type { Clock } from "../../ports/clock.ts";
import { hasCode } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import { BackOff } from "../../stream/sync/back-off.ts";
import { factsOfLine, runCancelled, runError, runStarted } from "../model/server-events.ts";
import { CANCELLED, type RunEnd } from "../model/run-end-reasons.ts";
import { isTerminal } from "../model/run-span.ts";
import type { Session } from "../session/session.ts";
import { findRun, forgetRun, type SessionState } from "../model/session-state.ts";

/** A run that was admitted and has not ended. */
export interface OpenRun {
  readonly session: Session;
  /** The log that the run was admitted to; the run writes into no other. */
  readonly logId: string;
  readonly threadId: string;
  readonly runId: string;
  /** Where the log ended when it was found out how far the run is (`AppendLinesOptions.knownEnd`). */
  readonly knownEnd: number;
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

/** How often the end is tried again at once after another writer was faster. */
const MAX_RACES = 5;

/**
 * Appends the RUN_ERROR, or of a cancelled run the RUN_FINISHED, and RUN_STARTED before it unless the
 * run was started. Repeats while the store refuses it and the server runs; where another writer was faster, after
 * the log has been read again. Resolves with whether the run is over: its end is stored, or its log is gone. Never rejects.
 */
export async function endRun(
  run: OpenRun,
  end: RunEnd,
  { forgets = false, ...options }: EndRunOptions,
): Promise<boolean> {
  const { clock, session, logger, logId, runId, threadId, signal } = run;
  let { started } = options;
  let { knownEnd } = run;
  let races = 0;
  for (const backOff = new BackOff(BACK_OFF); ;) {
    const context = { threadId, runId, timestamp: clock.now() };
    const lines = started ? [] : [runStarted(context)];
    const isCancelled = end.code === CANCELLED.code;
    lines.push(isCancelled ? runCancelled(context) : runError(context, end.message, end.code));
    const events = lines.map((line) => factsOfLine(line));
    try {
      const change = (state: SessionState): SessionState =>
        forgets ? forgetRun(state, runId) : state;
      await session.append({ lines, events }, { logId, durable: true, change, knownEnd });
      return true;
    } catch (error) {
      // the process that has the session now finds the run's mark, and ends the run
      if (hasCode(error, "log-not-owned")) return false;
      logger.error("run-end-not-stored", { ...session.key, runId, error });
      if (hasCode(error, "log-fenced", "log-not-found")) {
        const phase = await storedPhase(run);
        if (phase === "gone" || phase === "ended") return true;
        started ||= phase === "started";
        knownEnd = session.state.offset;
        // a process that had the session before may have stored something late
        if (phase !== "unknown" && races++ < MAX_RACES) continue;
      }
      if (signal.aborted || hasCode(error, "store-closed")) return false;
      await backOff.pause(clock, signal);
    }
  }
}

/**
 * What the store has of the run now: nothing, since its log is gone; its end; its beginning; neither. Unknown
 * where the store cannot be read.
 */
async function storedPhase({
  session,
  logger,
  logId,
  runId,
  knownEnd,
}: OpenRun): Promise<"gone" | "ended" | "started" | "waiting" | "unknown"> {
  try {
    if ((await session.refold()) !== logId) return "gone";
    const known = findRun(session.state, runId);
    if (known) return known.phase;
    // whoever has ended it may have forgotten it, so that it may be posted again
    for await (const event of session.eventsFrom(knownEnd))
      if (event.runId === runId && isTerminal(event)) return "ended";
    return "waiting";
  } catch (error) {
    logger.warn("log-not-readable", { ...session.key, error });
    return "unknown";
  }
}
