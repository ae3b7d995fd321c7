import type { Clock } from "../../ports/clock.ts";
import { isSameLog } from "../../ports/log-id.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, OpenRunMark } from "../../ports/log-store.ts";
import { endRun } from "./append-run-error.ts";
import { errorCodeOf, readFacts } from "../log/scan-event-facts.ts";
import { NOT_STARTED, RESTARTED } from "../model/run-end-reasons.ts";
import { isOfRuns, isTerminal, nextSpan, NO_RUN_OPEN } from "../model/run-span.ts";
import { type MarkedRun, markedRun, type RunMarks } from "../log/open-run-marks.ts";
import type { Session } from "../session/session.ts";
import type { AdmittedRun } from "./run-request.ts";
import { type OpenRunFound, type TakenRun, takenRun } from "./take-up-run.ts";
import { findRun, forgetRun, type KnownRun } from "../model/session-state.ts";

export interface CloseRunOptions {
  readonly session: Session;
  readonly mark: OpenRunMark;
  /**
   * Whether its runner may know of the run; null if unknown here, so that the store has to tell.
   */
  readonly reached: boolean | null;
  /**
   * Takes the run up, whose mark is this process's by then; `answered` settles when its runner has answered,
   * or it has ended.
   */
  readonly takeUp: (run: OpenRunFound, taken: TakenRun) => void;
  /** Waits for the rest of a run that its agent pushes. False if that cannot be. */
  readonly takeUpPushed: (run: OpenRunFound) => boolean;
  /** Goes on with a run that its runner began by itself (`BackgroundEvents.takeUp`). */
  readonly takeUpBackground: (run: AdmittedRun) => boolean;
  readonly store: LogStore;
  readonly marks: Pick<RunMarks, "clearOpen" | "forget" | "markOpen">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Takes an orphaned run up, if another process has left it and its runner may have the rest; else ends it,
 * and clears its mark last, so that a failure on the way leaves the rest to
 * the next attempt. A run that was never stored gets no end. A run that never reached its runner is
 * forgotten, so that it may be posted again. Resolves with false when the store refused the end;
 * throws what else the store throws.
 */
export async function closeRun(options: CloseRunOptions): Promise<boolean> {
  const { session, mark, store, marks, clock, logger } = options;
  const { runId } = mark;
  const isOfOther = options.reached === null;
  const logId = await (isOfOther ? session.refold() : session.reload());
  // a log gets another id when the machine goes down, which no process survives
  const isTheSame = (id: string): boolean => isOfOther && isSameLog(id, mark.logId);
  if (logId === null || (logId !== mark.logId && !isTheSame(logId))) {
    // its log is deleted, and the log that is there now has no such run
    await marks.clearOpen(session.key, mark.logId, runId, mark.data);
    if (isOfOther) logger.warn("run-mark-without-log", { ...session.key, runId });
    return true;
  }
  const { offset: knownEnd } = session.state;
  const { threadId, from, waits } = markedRun(mark);
  const run = findRun(session.state, runId);
  // an admission ends with a checkpoint that has the run and its thread; its runner is called after
  // that
  const isAdmitted = from === undefined || session.headOffset > from || !!run?.threadId;
  const phase = run ? run.phase : await storedPhase(options, logId);
  // a directory that was copied while it was in use may have an older mark than its log
  const hasBegun = phase === "started";
  const isOfRunner = markedRun(mark).pushedBy === undefined;
  const isReached = isOfRunner
    ? (options.reached ?? (hasBegun || (waits !== true && isAdmitted)))
    : hasBegun;
  const thread = run?.threadId || threadId;
  const marked = { ...markedRun(mark), threadId: thread };
  const found = { runId, threadId: thread, logId, knownEnd };
  const isBackground = marked.background === true && phase === "started";
  if (isOfOther && isBackground && options.takeUpBackground({ runId, threadId: thread, logId })) {
    await takeMark(options, logId, marked);
    return true;
  }
  if (isOfOther && !isOfRunner && phase === "started") {
    await takeMark(options, logId, marked);
    if (options.takeUpPushed({ ...found, mark: marked })) return true;
  }
  if (isOfOther && isOfRunner && isReached && phase !== null) {
    const taken = await takenRun(store, session.key, { ...found, mark: markedRun(mark), phase });
    if (taken) {
      await takeMark(options, logId, marked);
      options.takeUp({ ...found, mark: marked }, taken);
      return true;
    }
  }
  if (phase === "waiting" || phase === "started") {
    // one attempt: a store that cannot be written must not keep the server from its readers
    const signal = AbortSignal.abort();
    const open = { ...found, session, clock, logger, signal };
    const how = { started: phase === "started", forgets: !isReached };
    const end = isReached ? RESTARTED : NOT_STARTED;
    if (!(await endRun(open, end, how))) return false;
    logger.warn("run-closed", { ...session.key, runId, code: end.code });
  }
  if (
    !isReached &&
    phase !== null &&
    (phase !== "ended" || (await isUnstarted(options, logId, from)))
  ) {
    session.update((state) => forgetRun(state, runId));
    await session.save();
  }
  if (waits === true) await store.removeRunBody(session.key, logId, runId);
  await marks.clearOpen(session.key, logId, runId, mark.data);
  return true;
}

/** Makes the mark this process's, and that of the log as it is now. */
async function takeMark(
  { mark, marks, session }: CloseRunOptions,
  logId: string,
  marked: MarkedRun,
): Promise<void> {
  if (logId !== mark.logId) await marks.clearOpen(session.key, mark.logId, mark.runId);
  try {
    await marks.markOpen(session.key, logId, mark.runId, marked);
  } catch (error) {
    // another process has the session, or nothing is known: the mark is looked at again
    marks.forget({ ...session.key, logId, runId: mark.runId });
    throw error;
  }
}

/** Whether the end that the log has of the run says that it was not started: then it may be posted again. */
async function isUnstarted(
  { session, mark, store }: CloseRunOptions,
  logId: string,
  start = 0,
): Promise<boolean> {
  const end = session.log.position?.end ?? start;
  if (start >= end) return false;
  const range = { logId, start, end, runId: mark.runId };
  return (await errorCodeOf(store, session.key, range)) === NOT_STARTED.code;
}

/** The phase of the run by the events after its mark; null if there are none of it. */
async function storedPhase(
  { session, mark, store }: CloseRunOptions,
  logId: string,
): Promise<KnownRun["phase"] | null> {
  const { from, startsAt } = markedRun(mark);
  const start = from ?? startsAt;
  // its runner is called, or a mark of an older version has no offset: its messages were stored before
  let phase: KnownRun["phase"] | null = from === undefined ? "waiting" : null;
  if (start === undefined) return phase;
  // the store's own end: an append that seemed to fail and was stored may not be counted yet
  const end = session.log.position?.end ?? start;
  if (start >= end) return phase;
  let span = NO_RUN_OPEN;
  for await (const event of readFacts(store, session.key, { logId, start, end })) {
    if (isOfRuns(event)) {
      const step = nextSpan(span, event);
      span = step.span;
      if (step.runId === mark.runId) phase = isTerminal(event) ? "ended" : "started";
      else if (step.endsAll && phase === "started") phase = "ended";
    } else if (event.runId === mark.runId) phase ??= "waiting";
  }
  return phase;
}
