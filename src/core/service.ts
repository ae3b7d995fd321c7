import type { Clock } from "../ports/clock.ts";
import type { LiveFeed } from "../ports/live-feed.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { RunnerClient } from "../ports/runner-client.ts";
import type { SessionDirectory } from "../ports/session-directory.ts";
import { createByteBudget, type ByteBudget } from "../stream/byte-budget.ts";
import { createStreamPacer, type StreamPacer } from "../stream/paced-stream.ts";
import type { Archiver } from "./archive/archiving-store.ts";
import { type BetweenRuns, createBetweenRuns } from "./between-runs.ts";
import { createLeftOpen } from "./left-open.ts";
import { createRunMarks } from "./run-marks.ts";
import { createRuns, type Runs } from "./runs.ts";
import { createSessions, type Sessions } from "./sessions.ts";

/** The ports that a session service works with. */
export interface SessionPorts {
  readonly store: LogStore;
  readonly feed: LiveFeed;
  readonly directory: SessionDirectory;
  readonly runner: RunnerClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface SessionServiceOptions extends SessionPorts {
  /** What archives the store's sessions: the store itself, if it can. Default null: nothing does. */
  readonly archiver?: Archiver | null;
  readonly limits?: Partial<ServiceLimits>;
}

export interface ServiceLimits {
  /** Silence in ms before a stream gets a heartbeat. Default 15 s (contract 2.1). */
  readonly heartbeatMs: number;
  /** How long in ms a client may take over one chunk. Default 30 s. */
  readonly writeDeadlineMs: number;
  /** When clients should reconnect, ms; each is told half to one and a half of it. Default 2 s. */
  readonly retryMs: number;
  /** Streams (events, exports) open at once. Default 10,000. */
  readonly maxStreams: number;
  /** Bytes of latest events kept per session. Default 1 MiB. */
  readonly ringBytes: number;
  /** Bytes of latest events kept in all. Default 64 MiB. */
  readonly ringBudgetBytes: number;
  /** Request bodies waiting at once, bytes. Default 64 MiB. */
  readonly bodyBudgetBytes: number;
  /** Runs of a session that wait behind the active one. Default 8. */
  readonly runQueue: number;
  /** Silence of a runner in ms that ends its run. Default null: never. */
  readonly runIdleMs: number | null;
  /** How long in ms the state of a session is kept that nobody uses. Default 10 min. */
  readonly sessionIdleMs: number;
  /** How long in ms a stop waits for runs to end by themselves. Default 10 s. */
  readonly drainMs: number;
}

const MIB = 1024 * 1024;
const DEFAULT_LIMITS: ServiceLimits = {
  heartbeatMs: 15_000,
  writeDeadlineMs: 30_000,
  retryMs: 2_000,
  maxStreams: 10_000,
  ringBytes: MIB,
  ringBudgetBytes: 64 * MIB,
  bodyBudgetBytes: 64 * MIB,
  runQueue: 8,
  runIdleMs: null,
  sessionIdleMs: 600_000,
  drainMs: 10_000,
};

const TICK_MS = 1_000;
/** How often waiting readers look for themselves; announcements may be lost (LiveFeed). */
const LOOK_MS = 5_000;
const SWEEP_MS = 120_000;
/** How often runs are looked for that another process has left open. */
const CLOSE_LEFT_MS = 20_000;

/** What runlog does, without HTTP: the routes are a thin skin over this. */
export interface SessionService extends SessionPorts {
  readonly archiver: Archiver | null;
  readonly limits: ServiceLimits;
  readonly sessions: Sessions;
  readonly runs: Runs;
  readonly betweenRuns: BetweenRuns;
  readonly pacer: StreamPacer;
  readonly bodyBudget: ByteBudget;
  /**
   * Refuses new runs, waits a while for those in flight, closes what is still open, and ends the
   * streams so that clients come back elsewhere. The ports stay open.
   */
  close(): Promise<void>;
}

/**
 * Joins the ports to one service. One a process: it owns the process's budgets and timers. Resolves
 * when the runs that an earlier process left open are closed: before that no session is served.
 */
export async function createSessionService(
  options: SessionServiceOptions,
): Promise<SessionService> {
  const { store, feed, directory, runner, clock, logger, archiver = null } = options;
  const limits: ServiceLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const sessions = createSessions({
    store,
    feed,
    clock,
    logger,
    ringBytes: limits.ringBytes,
    ringBudget: createByteBudget(limits.ringBudgetBytes),
    idleMs: limits.sessionIdleMs,
    onLetGo: (key) => betweenRuns.stop(key),
  });
  const marks = createRunMarks(store);
  const runs = createRuns({
    marks,
    sessions,
    directory,
    runner,
    clock,
    logger,
    queueLimit: limits.runQueue,
    idleMs: limits.runIdleMs,
    onAdmitted: (key, run) => betweenRuns.listen(key, run),
  });
  const betweenRuns = createBetweenRuns({
    marks,
    feed,
    sessions,
    directory,
    runner,
    clock,
    logger,
    carries: (key, runId) => runs.carries(key, runId),
  });
  const leftOpen = createLeftOpen({ store, marks, sessions, clock, logger });
  await leftOpen.close();
  let closing = false;
  const stopClosing = clock.every(CLOSE_LEFT_MS, () => {
    if (closing) return;
    closing = true;
    void leftOpen
      .close()
      .catch((error: unknown) => logger.warn("runs-left-open", { error }))
      .finally(() => {
        closing = false;
      });
  });
  const pacer = createStreamPacer({
    now: () => clock.now(),
    heartbeatMs: limits.heartbeatMs,
    writeDeadlineMs: limits.writeDeadlineMs,
  });
  const stopTicking = clock.every(TICK_MS, () => pacer.tick());
  const stopSweeping = clock.every(SWEEP_MS, () => sessions.sweep());
  let looking = false;
  const stopLooking = clock.every(LOOK_MS, () => {
    if (looking) return;
    looking = true;
    void sessions.refreshWaiting().finally(() => {
      looking = false;
    });
  });

  return {
    store,
    feed,
    directory,
    runner,
    clock,
    logger,
    archiver,
    limits,
    sessions,
    runs,
    betweenRuns,
    pacer,
    bodyBudget: createByteBudget(limits.bodyBudgetBytes),
    async close() {
      await runs.drain(limits.drainMs);
      // before the streams, so that whoever watches a run sees why it ended
      await Promise.all([runs.close(), betweenRuns.close()]);
      pacer.endAll();
      for (const stop of [stopTicking, stopLooking, stopSweeping, stopClosing]) stop();
    },
  };
}
