import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { AppendNote, SessionKey } from "../../ports/log-store.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import type { RunMarks } from "../log/open-run-marks.ts";
import { PRODUCER_LOST } from "../model/run-end-reasons.ts";
import { nameThread, type SessionState } from "../model/session-state.ts";
import { noteEvents } from "../runs/activity.ts";
import type { Runs } from "../runs/runs.ts";
import { asFromRunner } from "../session/filter-batch.ts";
import type { Session } from "../session/session.ts";
import type { BatchPlan } from "./batch-plan.ts";
import type { OpenPushedRuns } from "./open-pushed-runs.ts";
import { type Producer, producerNote, producerNoteKey } from "./producer.ts";
import type { PushedEvents } from "./pushed-events.ts";
import type { PushedRun } from "./pushed-run.ts";

export interface StoreBatchOptions {
  readonly open: OpenPushedRuns;
  readonly marks: RunMarks;
  readonly runs: Pick<Runs, "hold">;
  readonly platform: Pick<SessionPlatform, "noteActivity">;
  readonly logger: Logger;
}

/** A batch that is the producer's next one, and what it does. */
interface Appending {
  readonly logId: string;
  /** Where the log ended when it was found out how far the producer is. */
  readonly knownEnd: number;
  readonly batch: PushedEvents;
  readonly producer: Producer | null;
  readonly plan: BatchPlan;
  /** The producer's open run, or null. */
  readonly own: PushedRun | null;
}

/**
 * Stores a batch: the mark of a run that it leaves open, then all its events in one append with the producer's note. Only in
 * the session's turn. Resolves with where the log ends. Throws `overloaded` while another run is active, and what
 * `Session.append` throws; then nothing of it is stored.
 */
export async function storeBatch(
  options: StoreBatchOptions,
  session: Session,
  appending: Appending,
): Promise<number> {
  const { open } = options;
  const { logId, batch, knownEnd, producer, plan, own } = appending;
  const { key } = session;
  const { begins, openAfter, supersedes, hasEnd } = plan;
  if (supersedes && !(await own?.storeEnd(PRODUCER_LOST))) {
    own?.settle("not-stored");
    throw busy();
  }
  const isOther = openAfter !== null && openAfter !== own?.runId;
  const next = isOther ? begun(open, session, { ...appending, runId: openAfter }) : null;
  // the slot of a run that ends in the batch passes on when that is stored
  const isReserved = next !== null && own === null;
  let released = isReserved ? options.runs.hold(key, next) : null;
  if (isReserved && !released) throw busy();
  const note = producer && {
    key: producerNoteKey(producer.id),
    text: producerNote({ ...producer, isOpen: openAfter !== null }),
  };
  const named = (state: SessionState): SessionState =>
    begins.reduce((after, { runId, threadId }) => nameThread(after, runId, threadId), state);
  try {
    if (next) await options.marks.markOpen(key, logId, next.runId, next.mark);
    await session.append(asFromRunner(batch), {
      logId,
      durable: hasEnd,
      knownEnd,
      ...(note && { note }),
      ...(begins.length > 0 && { change: named }),
    });
  } catch (error) {
    if (!(await hasLanded(options, session, note))) {
      await notStored(options, error, { own, next, key });
      if (supersedes) own?.settle("ended");
      throw error;
    }
    session.update(named);
  }
  noteEvents(options.platform, key, batch.events);
  const goesOn = own !== null && !supersedes && openAfter === own.runId;
  if (next) {
    if (!isReserved) released = options.runs.hold(key, next, own?.runId ?? null);
    open.note(key, next, released);
  }
  if (goesOn) own.touch();
  else own?.settle("ended");
  return session.log.position?.end ?? 0;
}

function begun(
  open: OpenPushedRuns,
  session: Session,
  { logId, knownEnd, plan, producer, runId }: Appending & { readonly runId: string },
): PushedRun {
  const threadId = plan.begins.find((run) => run.runId === runId)?.threadId ?? "";
  const from = session.log.position?.end ?? 0;
  const mark = { threadId, from, pushedBy: producer?.id ?? "" };
  return open.make(session.key, { runId, threadId, logId, mark, knownEnd });
}

/** Whether an append that seemed to fail is stored all the same. */
async function hasLanded(
  options: StoreBatchOptions,
  session: Session,
  note: AppendNote | null,
): Promise<boolean> {
  if (note === null) return false;
  try {
    await session.refold();
    const stat = await session.log.refresh();
    return stat?.notes.some(({ key, text }) => key === note.key && text === note.text) ?? false;
  } catch (error) {
    options.logger.warn("log-not-readable", { ...session.key, error });
    return false;
  }
}

interface Failed {
  readonly key: SessionKey;
  readonly own: PushedRun | null;
  readonly next: PushedRun | null;
}

/** After an append that failed: nothing of it is stored. */
async function notStored(
  { logger, marks }: StoreBatchOptions,
  error: unknown,
  { key, own, next }: Failed,
): Promise<void> {
  const { logId, runId } = next ?? { logId: "", runId: "" };
  if (next)
    await marks.clearOpen(key, logId, runId).catch((cause: unknown) => {
      // it is found later, and nothing of the run
      logger.warn("run-mark-not-cleared", { ...key, runId, error: cause });
    });
  next?.settle("ended");
  // another process has the session, and finds the mark, or the log is gone with it
  if (hasCode(error, "log-not-owned", "log-fenced")) own?.settle("not-stored");
}

/** Another run has the session. */
export function busy(): RunlogError {
  return new RunlogError("overloaded", "Another run of the session is active; try again");
}
