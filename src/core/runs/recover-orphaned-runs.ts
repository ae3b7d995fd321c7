import type { Clock } from "../../ports/clock.ts";
import { hasCode } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, OpenRunMark, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { closeRun } from "./close-run.ts";
import { endRun } from "./append-run-error.ts";
import type { AdmittedRun } from "./run-request.ts";
import type { OpenRunFound, TakenRun } from "./take-up-run.ts";
import { NOT_STARTED, type RunEnd } from "../model/run-end-reasons.ts";
import type { RunMarks } from "../log/open-run-marks.ts";
import type { Sessions } from "../session/session-registry.ts";
import { type KnownRun, settled, unendedRuns } from "../model/session-state.ts";

export interface OrphanedRunsOptions {
  readonly store: LogStore;
  readonly marks: RunMarks;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * The mutex under which a session's runs are admitted, by `idOf` its key: no run is closed
   * meanwhile.
   */
  readonly admissions: KeyedMutex;
  /** Whether this process works on this run of the session; null asks for any. */
  readonly worksOn: (key: SessionKey, runId: string | null) => boolean;
  /** Takes a run up, as `Runs.takeUp`. */
  readonly takeUp: (key: SessionKey, run: OpenRunFound, taken: TakenRun) => Promise<void>;
  /** Goes on with a run that its runner began by itself, as `BackgroundEvents.takeUp`. */
  readonly takeUpBackground: (key: SessionKey, run: AdmittedRun) => boolean;
}

/** Orphaned runs: runs that have not ended and that nobody works on. */
export interface OrphanedRuns {
  /**
   * Takes up or ends the runs whose process is dead. Resolves when all are ended but those that are known to
   * be taken up. To be called before anything else, and then from time to
   * time: a run that another process has, or had a moment ago, is left alone, and may be orphaned
   * later.
   */
  close(): Promise<void>;
  /** Ends the runs that this process released without an end. Never rejects. */
  closeReleased(): Promise<void>;
  /**
   * Ends with `end` the runs that the log has open, nobody works on and no mark names: those of a
   * directory that was copied while it was in use, or a run that a runner began within another and
   * did not end. Cheap where there is none. Resolves with whether the log has grown. Never rejects:
   * what cannot be ended now is ended the next time.
   */
  recover(key: SessionKey, end: RunEnd): Promise<boolean>;
}

/** How often in ms runs that other processes orphaned are searched for. */
const AGAIN_MS = 20_000;
/** How often the end of this process's own released runs is tried again, in ms. */
const GIVEN_UP_MS = 2_000;
/** Most sessions that are known to be in use elsewhere; they are not checked again for a while. */
const MAX_BUSY = 10_000;

/**
 * Ends the orphaned runs, now and from time to time. Resolves after the first time with a function
 * that stops it; rejects as the store does, the first time.
 */
export async function keepOrphanedRunsClosed(
  orphanedRuns: OrphanedRuns,
  { clock, logger }: Pick<OrphanedRunsOptions, "clock" | "logger">,
): Promise<() => void> {
  await orphanedRuns.close();
  const stopClosing = clock.every(
    AGAIN_MS,
    oneAtATime(() =>
      orphanedRuns.close().catch((error: unknown) => logger.warn("runs-left-open", { error })),
    ),
  );
  const stopRetrying = clock.every(
    GIVEN_UP_MS,
    oneAtATime(() => orphanedRuns.closeReleased()),
  );
  return () => {
    stopClosing();
    stopRetrying();
  };
}

/** Orphaned runs, of which none is known yet. */
export function createOrphanedRuns(options: OrphanedRunsOptions): OrphanedRuns {
  const { store, marks, sessions, clock, logger, admissions, takeUp, worksOn } = options;
  /** Open runs of other processes at the last check; null before the first. */
  let seenOpen: ReadonlySet<string> | null = null;
  /** Until when sessions count as in use elsewhere, epoch ms. */
  const busyUntil = new Map<string, number>();

  /**
   * Takes up or ends an orphaned run, unless another process has its session. Puts into `asked` what has to
   * be waited for.
   */
  async function closeMarked(
    mark: OpenRunMark,
    reached: boolean | null,
    asked: Promise<void>[] = [],
  ): Promise<void> {
    const use = sessions.use(mark);
    try {
      const { session } = use;
      await admissions.run(idOf(mark), async () => {
        // it may have been posted again meanwhile
        if (marks.isOurs(mark)) return;
        const take = (run: OpenRunFound, taken: TakenRun): void => {
          const answered = takeUp(session.key, run, taken);
          if (!taken.isKnown) asked.push(answered);
        };
        const takeUpBackground = (run: AdmittedRun): boolean =>
          options.takeUpBackground(session.key, run);
        const ports = { store, marks, clock, logger, takeUp: take, takeUpBackground };
        await closeRun({ ...ports, session, mark, reached });
      });
    } catch (error) {
      if (!hasCode(error, "log-not-owned")) throw error;
      marks.forget(mark);
    } finally {
      use.release();
    }
  }

  async function markedRuns(key: SessionKey): Promise<ReadonlySet<string>> {
    const marked = new Set<string>();
    for await (const { runId } of store.openRuns(key)) marked.add(runId);
    return marked;
  }

  /** As `recover`; no run is admitted meanwhile. Throws what the store throws. */
  async function closeUnmarked(key: SessionKey, end: RunEnd): Promise<boolean> {
    const use = sessions.use(key);
    try {
      const { session } = use;
      const isLeft = ({ runId }: KnownRun): boolean => !worksOn(key, runId);
      await session.load();
      if (session.state.status !== "working" && unendedRuns(session.state).length === 0)
        return false;
      const before = unendedRuns(session.state).filter(isLeft);
      // a run that was open before the marks were read, has none, and is open after that, has no
      // owner
      const marked = before.length > 0 ? await markedRuns(key) : new Set<string>();
      if (marked.size > 0) busyUntil.set(idOf(key), clock.now() + AGAIN_MS);
      const logId = await session.reload();
      if (logId === null) return false;
      const known = session.state.offset;
      for (const { runId, threadId, phase } of unendedRuns(session.state).filter(isLeft)) {
        if (marked.has(runId) || !before.some((run) => run.runId === runId)) continue;
        const thread = threadId || key.session;
        const open = { session, clock, logger, logId, runId, threadId: thread };
        const waits = phase === "waiting";
        const how = { started: !waits, forgets: waits };
        await endRun({ ...open, signal: AbortSignal.abort() }, waits ? NOT_STARTED : end, how);
        logger.warn("run-closed", { ...key, runId, code: waits ? NOT_STARTED.code : end.code });
      }
      if (session.state.status === "working" && !worksOn(key, null)) {
        session.update(settled);
        await session.save();
      }
      return session.state.offset !== known;
    } finally {
      use.release();
    }
  }

  return {
    async close() {
      const before = seenOpen;
      const seen = new Set<string>();
      const asked: Promise<void>[] = [];
      for await (const mark of store.openRuns()) {
        if (marks.isOurs(mark)) continue;
        const id = JSON.stringify([mark.project, mark.session, mark.logId, mark.runId]);
        seen.add(id);
        // a run found after the start may be about to end: an orphaned one is found twice
        if (before === null || before.has(id)) await closeMarked(mark, null, asked);
      }
      await Promise.all(asked);
      seenOpen = seen;
    },

    async closeReleased() {
      for (const { mark, reached } of marks.released())
        await closeMarked(mark, reached).catch((error: unknown) => {
          const { project, session, runId } = mark;
          logger.warn("run-left-open", { project, session, runId, error });
        });
    },

    async recover(key, end) {
      const id = idOf(key);
      if (worksOn(key, null) || clock.now() < (busyUntil.get(id) ?? 0)) return false;
      busyUntil.delete(id);
      if (busyUntil.size >= MAX_BUSY) busyUntil.clear();
      return admissions
        .run(id, () => closeUnmarked(key, end))
        .catch((error: unknown) => {
          logger.warn("runs-left-open", { ...key, error });
          return false;
        });
    },
  };
}

/** Skips a call while the one before it has not settled. */
function oneAtATime(operation: () => Promise<void>): () => void {
  let isBusy = false;
  return () => {
    if (isBusy) return;
    isBusy = true;
    void operation().finally(() => {
      isBusy = false;
    });
  };
}
