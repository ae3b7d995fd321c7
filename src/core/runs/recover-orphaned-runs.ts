import type { Clock } from "../../ports/clock.ts";
import { hasCode } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, OpenRunMark, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { closeRun } from "./close-run.ts";
import { endRun } from "./append-run-error.ts";
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
  /** In which a session's runs are admitted, by `idOf` its key: no run is closed meanwhile. */
  readonly admissions: KeyedMutex;
  /** Whether this process works on this run of the session; null asks for any. */
  readonly worksOn: (key: SessionKey, runId: string | null) => boolean;
}

/** Runs that nobody works on any more, and that have not ended. */
export interface OrphanedRuns {
  /**
   * Ends the runs whose process is dead. To be called before anything else, and then from time to
   * time: what another process has, or had a moment ago, is left alone, and may be left open by it
   * later.
   */
  close(): Promise<void>;
  /** Ends the runs that this process gave up. Never rejects. */
  closeGivenUp(): Promise<void>;
  /**
   * Ends with `end` what the session's log has open though nobody works on it and no mark says that
   * anybody would: of a directory that was copied while it was in use, or a run that a runner began
   * within another and left. Cheap where there is nothing of the kind. Resolves with whether the log
   * has more since then. Never rejects: what cannot be ended now is ended the next time.
   */
  recover(key: SessionKey, end: RunEnd): Promise<boolean>;
}

/** How often runs are looked for that another process has left open. */
const AGAIN_MS = 20_000;
/** And those that this one gave up. */
const GIVEN_UP_MS = 2_000;
/** Sessions that were found to be worked on elsewhere; they are not looked at again for a while. */
const MAX_BUSY = 10_000;

/**
 * Ends the orphaned runs, now and from time to time. Resolves after the first time with what
 * stops it; rejects as the store does, the first time.
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
    oneAtATime(() => orphanedRuns.closeGivenUp()),
  );
  return () => {
    stopClosing();
    stopRetrying();
  };
}

/** Runs of which none has been looked for. */
export function createOrphanedRuns(options: OrphanedRunsOptions): OrphanedRuns {
  const { store, marks, sessions, clock, logger, admissions, worksOn } = options;
  /** Runs of other processes that were open the last time; null before the first. */
  let seenOpen: ReadonlySet<string> | null = null;
  /** Until when sessions count as worked on elsewhere. */
  const busyUntil = new Map<string, number>();

  /** Ends an orphaned run, unless another process has its session. */
  async function closeMarked(mark: OpenRunMark, reached: boolean | null): Promise<void> {
    const use = sessions.use(mark);
    try {
      const { session } = use;
      await admissions.run(idOf(mark), async () => {
        // it may have been posted again meanwhile
        if (marks.isOurs(mark)) return;
        await closeRun({ session, mark, reached, store, marks, clock, logger });
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
      // what was open before the marks were read, has none, and is open after that, nobody will end
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
      for await (const mark of store.openRuns()) {
        if (marks.isOurs(mark)) continue;
        const id = JSON.stringify([mark.project, mark.session, mark.logId, mark.runId]);
        seen.add(id);
        // what comes after the start may be on its way out: an orphaned run is there twice
        if (before === null || before.has(id)) await closeMarked(mark, null);
      }
      seenOpen = seen;
    },

    async closeGivenUp() {
      for (const { mark, reached } of marks.givenUp())
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

/** Leaves out a call while the one before it has not settled. */
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
