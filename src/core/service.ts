import type { Clock } from "../ports/clock.ts";
import type { LiveFeed } from "../ports/live-feed.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { RunnerClient } from "../ports/runner-client.ts";
import type { SessionDirectory } from "../ports/session-directory.ts";
import { createByteBudget, type ByteBudget } from "../stream/byte-budget.ts";
import { createStreamPacer, type StreamPacer } from "../stream/paced-stream.ts";
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
};

const TICK_MS = 1_000;
/** How often waiting readers look for themselves; announcements may be lost (LiveFeed). */
const LOOK_MS = 5_000;

/** What runlog does, without HTTP: the routes are a thin skin over this. */
export interface SessionService extends SessionPorts {
  readonly limits: ServiceLimits;
  readonly sessions: Sessions;
  readonly runs: Runs;
  readonly pacer: StreamPacer;
  readonly bodyBudget: ByteBudget;
  /** Ends runs and streams so that clients come back elsewhere. The ports stay open. */
  close(): Promise<void>;
}

/** Joins the ports to one service. One a process: it owns the process's budgets and timers. */
export function createSessionService(options: SessionServiceOptions): SessionService {
  const { store, feed, directory, runner, clock, logger } = options;
  const limits: ServiceLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const sessions = createSessions({
    store,
    feed,
    logger,
    ringBytes: limits.ringBytes,
    ringBudget: createByteBudget(limits.ringBudgetBytes),
  });
  const runs = createRuns({ store, sessions, directory, runner, clock, logger });
  const pacer = createStreamPacer({
    now: () => clock.now(),
    heartbeatMs: limits.heartbeatMs,
    writeDeadlineMs: limits.writeDeadlineMs,
  });
  const stopTicking = clock.every(TICK_MS, () => pacer.tick());
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
    limits,
    sessions,
    runs,
    pacer,
    bodyBudget: createByteBudget(limits.bodyBudgetBytes),
    async close() {
      await runs.close();
      pacer.endAll();
      stopTicking();
      stopLooking();
    },
  };
}
