import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { type MarkedRun, noteKeyOf } from "../log/open-run-marks.ts";
import { readFacts } from "../log/scan-event-facts.ts";
import { findRun, type KnownRun } from "../model/session-state.ts";
import type { Session } from "../session/session.ts";
import type { RunAccepted } from "./run-request.ts";
import { NOTHING_SENT, progressAfter, type RunProgress } from "./run-progress.ts";

/** A run that another process, or this one before, has begun and that is taken up. */
export interface TakenRun {
  /** The runner's id of the last event that is stored, or null for none. */
  readonly after: string | null;
  /** How far it was. */
  readonly progress: RunProgress;
  /**
   * Whether its runner is known to be one that can be asked for the rest; else it is asked once, and the run
   * ends if that is in vain.
   */
  readonly isKnown: boolean;
  /** Where the log ended when that was found out (`AppendLinesOptions.knownEnd`). */
  readonly knownEnd: number;
}

/** A run that nobody works on, and that its runner may have the rest of. */
export interface OpenRunFound extends RunAccepted {
  readonly logId: string;
  readonly mark: MarkedRun;
  /** Where the log ended when it was found open (`AppendLinesOptions.knownEnd`). */
  readonly knownEnd: number;
}

interface StoredRun {
  readonly runId: string;
  readonly logId: string;
  readonly mark: MarkedRun;
}

/**
 * What is known of a run that a dead process has left, so that its runner can be asked for the rest; null if it
 * cannot be asked. Everything that the runner has sent so far lies between the offset at which it was called
 * and the end of the last append with its note; what is after that came from here. Throws what the store throws.
 */
export async function takenRun(
  store: LogStore,
  key: SessionKey,
  { logId, runId, mark, phase }: StoredRun & Pick<KnownRun, "phase">,
): Promise<TakenRun | null> {
  const { from, startsAt = from, resumable } = mark;
  if (resumable === false || startsAt === undefined) return null;
  const noteKey = noteKeyOf(runId);
  const stat = await store.stat(key);
  const knownEnd = stat?.end.raw ?? 0;
  const note = stat?.logId === logId ? stat.notes.find((one) => one.key === noteKey) : undefined;
  // events without a note are those of a runner that cannot be asked
  if (!note && phase !== "waiting") return null;
  if (!note) return { after: null, progress: NOTHING_SENT, isKnown: resumable === true, knownEnd };
  let progress = NOTHING_SENT;
  for await (const event of readFacts(store, key, { logId, start: startsAt, end: note.end }))
    progress = progressAfter(progress, event, runId);
  return { after: note.text, progress, isKnown: true, knownEnd };
}

/**
 * How far a run is that this process works on, once another one has appended to its log: what that one had from the
 * runner is not stored again. "over" if the run has ended there, or its log is gone; null if its runner cannot be asked
 * for the rest. Throws what the store throws.
 */
export async function recalledRun(
  store: LogStore,
  session: Session,
  run: StoredRun,
): Promise<TakenRun | "over" | null> {
  if ((await session.refold()) !== run.logId) return "over";
  const phase = findRun(session.state, run.runId)?.phase ?? "waiting";
  const taken = await takenRun(store, session.key, { ...run, phase });
  if (phase === "ended" && taken?.progress.ended !== true) return "over";
  return taken;
}
