import type { Clock } from "../../ports/clock.ts";
import { hasCode } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, OpenRunMark, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { closeRun } from "./close-run.ts";
import type { AdmittedRun } from "./run-request.ts";
import type { OpenRunFound, TakenRun } from "./take-up-run.ts";
import type { RunMarks } from "../log/open-run-marks.ts";
import type { SessionEvents } from "../session/session-events.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../session/session-registry.ts";
import type { Runs } from "./runs.ts";

export interface OrphanedRunsOptions {
  readonly store: LogStore;
  readonly marks: RunMarks;
  readonly sessions: Sessions;
  readonly events: SessionEvents;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * The mutex under which a session's runs are admitted, by `idOf` its key: no run is closed
   * meanwhile.
   */
  readonly admissions: KeyedMutex;
  /** Takes up posted runs. */
  readonly runs: Pick<Runs, "takeUp">;
  /** Waits for the rest of runs that agents push. */
  readonly pushes: { takeUp(key: SessionKey, run: OpenRunFound): boolean };
  /** Notices what became of a run until it is taken up. Default: nobody. */
  readonly notices?: { recover(mark: OpenRunMark): Promise<void> } | null;
  /** Goes on with runs that runners began by themselves. */
  readonly backgroundEvents: {
    takeUp(key: SessionKey, run: AdmittedRun, runId: string): boolean;
  };
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
  /**
   * The same for the runs of one session, if no living process has it. Resolves when all are ended or taken up.
   * Never rejects: what cannot be ended now is found again.
   */
  closeOf(key: SessionKey): Promise<void>;
  /** Ends the runs that this process released without an end. Never rejects. */
  closeReleased(): Promise<void>;
}

/** How often in ms runs that other processes orphaned are searched for. */
export const AGAIN_MS = 5_000;
/** Orphaned runs that are taken up or ended at a time: each waits for some ten answers of the store. */
const CLOSED_AT_ONCE = 32;
/** How often the end of this process's own released runs is tried again, in ms. */
const GIVEN_UP_MS = 2_000;

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
  const { store, marks, sessions, clock, logger, admissions, runs, backgroundEvents } = options;
  /**
   * Takes up or ends an orphaned run, unless another process has its session. Puts into `asked` what has to
   * be waited for.
   */
  async function closeMarked(mark: OpenRunMark, asked: Promise<void>[] = []): Promise<void> {
    const close = async (session: Session): Promise<void> => {
      // it may have been posted again meanwhile
      if (marks.isOurs(mark)) return;
      const { key } = session;
      const recoverNotices = (): void => void options.notices?.recover(mark);
      const takeUp = (run: OpenRunFound, taken: TakenRun): void => {
        recoverNotices();
        const answered = runs.takeUp(key, run, taken);
        if (!taken.isKnown) asked.push(answered);
      };
      const takeUpBackground = (run: AdmittedRun): boolean => {
        recoverNotices();
        return backgroundEvents.takeUp(key, run, run.runId);
      };
      const takeUpPushed = (run: OpenRunFound): boolean => {
        recoverNotices();
        return options.pushes.takeUp(key, run);
      };
      const ports = { store, marks, clock, logger, takeUp, takeUpBackground, takeUpPushed };
      // what this process has released itself it knows more of, whoever finds it
      await closeRun({ ...ports, session, mark, reached: marks.reachedOf(mark) });
    };
    const { project, session: name } = mark;
    try {
      await sessions.with({ project, session: name }, async (session) => {
        const { kind } = await store.acquire(session.key);
        if (kind === "here") await admissions.run(idOf(mark), () => close(session));
        else marks.forget(mark);
      });
    } catch (error) {
      if (!hasCode(error, "log-not-owned")) throw error;
      marks.forget(mark);
    }
  }

  const orphanedRuns: OrphanedRuns = {
    async close() {
      const found: OpenRunMark[] = [];
      for await (const mark of store.openRuns(undefined, { leaveOutHeld: true }))
        if (!marks.isOurs(mark)) found.push(mark);
      const asked: Promise<void>[] = [];
      const closeEach = async (some: Iterable<OpenRunMark>): Promise<void> => {
        for (const mark of some) await closeMarked(mark, asked);
      };
      const shared = inAnyOrder(found).values();
      await Promise.all(Array.from({ length: CLOSED_AT_ONCE }, () => closeEach(shared)));
      await Promise.all(asked);
    },

    async closeOf(key) {
      try {
        for await (const mark of store.openRuns(key))
          if (!marks.isOurs(mark)) await closeMarked(mark);
      } catch (error) {
        logger.warn("runs-left-open", { ...key, error });
      }
    },

    async closeReleased() {
      for (const mark of marks.released())
        await closeMarked(mark).catch((error: unknown) => {
          const { project, session, runId } = mark;
          logger.warn("run-left-open", { project, session, runId, error });
        });
    },
  };
  options.events.on("run-released", () => void orphanedRuns.closeReleased());
  return orphanedRuns;
}

/** The same items, so that processes which have found the same do not all begin with the same one. */
function inAnyOrder<T>(items: readonly T[]): T[] {
  const places = items.map((item) => ({ item, at: Math.random() }));
  return places.sort((a, b) => a.at - b.at).map(({ item }) => item);
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
