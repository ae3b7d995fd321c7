import type { Authorizer } from "../ports/authorizer.ts";
import type { Clock } from "../ports/clock.ts";
import type { LiveFeed } from "../ports/live-feed.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { RunnerClient } from "../ports/runner-client.ts";
import type { SessionDirectory } from "../ports/session-directory.ts";
import type { SessionPlatform } from "../ports/session-platform.ts";
import type { StorageQuota } from "../ports/storage-quota.ts";
import { type ByteBudget, createByteBudget } from "../stream/sync/byte-budget.ts";
import { pause, settledWithin } from "../stream/sync/pause.ts";
import { createStreamPacer, type StreamPacer } from "../stream/sse/paced-stream.ts";
import { createSharedBudget, type SharedBudget } from "../stream/sync/shared-budget.ts";
import { createKeyedMutex } from "../stream/sync/keyed-mutex.ts";
import type { Archiver } from "./archive/archiving-store.ts";
import {
  type BackgroundEvents,
  createBackgroundEvents,
} from "./background-events/background-events.ts";
import { type Compactor, createCompactor } from "./lifecycle/compactor.ts";
import {
  createLegacyImports,
  type LegacyOptions,
  type LegacyImports,
} from "./legacy/legacy-imports.ts";
import { createOverlayStore } from "./legacy/overlay-store.ts";
import {
  createOrphanedRuns,
  keepOrphanedRunsClosed,
  type OrphanedRuns,
} from "./runs/recover-orphaned-runs.ts";
import { createPushes, type Pushes } from "./pushed-runs/pushes.ts";
import type { SharedReads } from "./replay/log-follower.ts";
import { createKeyframes } from "./profile/keyframes/keyframes.ts";
import { createProfileBudgets } from "./profile/profile-budgets.ts";
import type { ProfileBudgets } from "./profile/profile-pass.ts";
import { resumeListening } from "./background-events/resume-listening.ts";
import { createRunIndexes, type RunIndexes } from "./history/run-index.ts";
import { createRunMarks } from "./log/open-run-marks.ts";
import { createStreamedReader } from "./profile/streamed-messages.ts";
import { createOpenRuns, type OpenRuns } from "./runs/open-runs.ts";
import { createRuns, type Runs } from "./runs/runs.ts";
import { createRunRecovery } from "./runs/recover-unmarked-runs.ts";
import { createRunsInFlight } from "./runs/runs-in-flight.ts";
import { createIncarnations, type Incarnations } from "./lifecycle/incarnations.ts";
import { createSightings, documentOf } from "./lifecycle/sightings.ts";
import { createSessionEvents, type SessionEvents } from "./session/session-events.ts";
import { createSessions, type Sessions } from "./session/session-registry.ts";
import { type CallerLimits, createCallerLimits } from "./callers/caller-limits.ts";
import { createTickets, type Tickets, type TicketsOptions } from "./callers/tickets.ts";
import { createWebhooks, type WebhookOptions } from "./webhooks/webhooks.ts";
import { DEFAULT_LIMITS, type ServiceLimits } from "./service-limits.ts";

export type { ServiceLimits } from "./service-limits.ts";

/** The ports that a session service works with. */
export interface SessionPorts {
  readonly store: LogStore;
  readonly feed: LiveFeed;
  readonly directory: SessionDirectory;
  readonly runner: RunnerClient;
  readonly authorizer: Authorizer;
  readonly platform: SessionPlatform;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface SessionServiceOptions extends SessionPorts {
  /**
   * Archives the store's sessions: the store itself, if it can. Default null: there is no archive.
   */
  readonly archiver?: Archiver | null;
  readonly limits?: Partial<ServiceLimits>;
  /** The models that sessions may be made with. Default null: any. */
  readonly models?: readonly string[] | null;
  /**
   * Names, in lower case, of headers that are forwarded from the caller of a run to its runner.
   * Default: none.
   */
  readonly forwardHeaders?: readonly string[];
  /** Logs of an older system that sessions may import. Default: none. */
  readonly legacy?: LegacyOptions;
  /** How much the store may hold: beyond it no run begins, and no fork. Default null: as much as it takes. */
  readonly quota?: StorageQuota | null;
  /** Addresses that are told what becomes of runs. Default null: none. */
  readonly webhooks?: WebhookOptions | null;
  /**
   * The secret of tickets for streams, at least 32 bytes: the same for all processes that serve the same sessions. Default:
   * a random one, so that tickets end with the service.
   */
  readonly ticketSecret?: TicketsOptions["secret"];
  /** Called once, before any session is served, with what tells of all that happens in them. Default: nobody listens. */
  readonly watch?: (events: Pick<SessionEvents, "on">) => void;
}

const TICK_MS = 1_000;
/** A proxy may hold the head of an answer until its first byte: a stream that has none yet sends a comment soon. */
const OPENING_MS = 500;
/** How often in ms it is seen which waiting readers have to ask the store. */
const LOOK_MS = 1_000;
const SWEEP_MS = 120_000;
/** How long in ms closing waits for a store that does not answer. */
const ENDS_WAIT_MS = 10_000;

/** The service behind the routes: everything runlog does, without HTTP. */
export interface SessionService extends SessionPorts {
  readonly archiver: Archiver | null;
  readonly quota: StorageQuota | null;
  readonly limits: ServiceLimits;
  readonly models: readonly string[] | null;
  readonly forwardHeaders: readonly string[];
  readonly sessions: Sessions;
  readonly incarnations: Incarnations;
  readonly legacyImports: LegacyImports;
  readonly runs: Runs;
  readonly pushes: Pushes;
  readonly backgroundEvents: BackgroundEvents;
  readonly openRuns: OpenRuns;
  readonly orphanedRuns: Pick<OrphanedRuns, "closeOf">;
  readonly compactor: Compactor;
  readonly runIndexes: RunIndexes;
  readonly pacer: StreamPacer;
  readonly reads: SharedReads;
  readonly bodyBudget: SharedBudget;
  readonly ringBudget: ByteBudget;
  readonly profileBudgets: ProfileBudgets;
  readonly tickets: Tickets;
  readonly callerLimits: CallerLimits;
  /** Whether it is being closed: others should be asked. */
  isStopping(): boolean;
  /**
   * Refuses new runs, serves on for a while, waits for those in flight, closes those that are still open but for those
   * that can be taken up, and ends the streams so that clients reconnect elsewhere. The ports stay open. Waits at most 10 s for a
   * store that does not answer; ends that it has not stored by then it may store until it is
   * closed.
   */
  close(options?: ServiceCloseOptions): Promise<ClosedService>;
}

export interface ServiceCloseOptions {
  /** Called with what the close waits for, whenever that changes. */
  readonly onWait?: (what: string) => void;
}

/** A closed service. */
interface ClosedService {
  /**
   * The number of runs that are still open because the store refused their ends; known once the
   * store is closed.
   */
  readonly orphanedRuns: () => Promise<number>;
}

/**
 * Joins the ports to one service. One a process: it owns the process's budgets and timers. Resolves
 * when the runs that an earlier process orphaned are closed: before that no session is served.
 *
 * @example
 * ```ts
 * import { createApp, createSessionService, type SessionPorts } from "runlog";
 *
 * export async function serve(ports: SessionPorts): Promise<Response> {
 *   const service = await createSessionService({ ...ports, limits: { runQueue: 2 } });
 *   return await createApp({ service, listenHost: null }).request("/health");
 * }
 * ```
 */
export async function createSessionService(
  options: SessionServiceOptions,
): Promise<SessionService> {
  const { store: stored, feed, directory, runner, authorizer, platform, clock, logger } = options;
  const store = createOverlayStore(stored);
  const ports = { store, feed, directory, runner, authorizer, platform, clock, logger };
  const { archiver = null, legacy, quota = null, ticketSecret = randomSecret } = options;
  const assertRoom = (): void => quota?.assertRoom();
  const limits: ServiceLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const given = { store: stored, archiver, ...(legacy && { legacy }) };
  const legacyImports = createLegacyImports({ ...ports, ...given });
  const events = createSessionEvents();
  options.watch?.(events);
  const inFlight = createRunsInFlight();
  const admissions = createKeyedMutex();
  const ringBudget = createByteBudget(limits.ringBudgetBytes);
  const sightings = createSightings(clock);
  const recovery = createRunRecovery({ ...ports, admissions, inFlight });
  const sessions = createSessions({
    ...ports,
    store: stored,
    legacyImports,
    events,
    recovery,
    ringBytes: limits.ringBytes,
    ringBudget,
    idleMs: limits.sessionIdleMs,
    documentOf: (key) => documentOf(sightings, key),
  });
  const noticed = { store, events, clock, logger };
  const webhooks = options.webhooks ? createWebhooks(options.webhooks, noticed) : null;
  const marks = createRunMarks(store, webhooks);
  const joined = { ...ports, sessions, events, marks, inFlight };
  const runIndexes = createRunIndexes({
    store,
    ...(archiver && { isEvicted: (key) => archiver.isEvicted(key) }),
  });
  const profileBudgets = createProfileBudgets(limits);
  const keyframes = createKeyframes({ store, budgets: profileBudgets });
  const compactor = createCompactor({ ...joined, runIndexes, keyframes, archiver });
  const runs = createRuns({
    ...joined,
    ...runLimits(limits),
    assertRoom,
    admissions,
    recovery,
    readStreamed: createStreamedReader({ store, budgets: profileBudgets, logger }),
  });
  const { isInFlight } = runs;
  const pushes = createPushes({ ...joined, runs, assertRoom, idleMs: limits.pushIdleMs });
  const { reattachMs } = limits;
  const backgroundEvents = createBackgroundEvents({ ...joined, reattachMs, isInFlight });
  const incarnations = createIncarnations({ ...ports, runs, sightings });
  const orphanedRuns = createOrphanedRuns({
    ...joined,
    admissions,
    runs,
    pushes,
    backgroundEvents,
    notices: webhooks,
  });
  const stopClosing = await keepOrphanedRunsClosed(orphanedRuns, { clock, logger });
  let closed = false;
  const isStopped = (): boolean => closed;
  // where logs make sessions it is not recorded which of them run
  if (!directory.logsMakeSessions)
    void resumeListening({ store, directory, sessions, backgroundEvents, logger, isStopped });
  const pacer = createStreamPacer({ ...limits, openingMs: OPENING_MS, now: () => clock.now() });
  const stopTicking = clock.every(TICK_MS, () => pacer.tick());
  const stopSweeping = clock.every(SWEEP_MS, () => sessions.sweep());
  const openRuns = createOpenRuns({ store });
  const stopLooking = keepLooking(sessions, clock);
  events.on("session-released", ({ key }) => void store.release(key));

  return {
    ...ports,
    archiver,
    quota,
    limits,
    models: options.models ?? null,
    forwardHeaders: options.forwardHeaders ?? [],
    sessions,
    incarnations,
    legacyImports,
    runs,
    pushes,
    backgroundEvents,
    openRuns,
    orphanedRuns,
    compactor,
    runIndexes,
    pacer,
    reads: profileBudgets.reads,
    ringBudget,
    bodyBudget: createSharedBudget({ limitBytes: limits.bodyBudgetBytes, timers: clock }),
    profileBudgets,
    tickets: createTickets({ clock, secret: ticketSecret, firstUseMs: limits.ticketMs }),
    callerLimits: createCallerLimits(limits, clock),
    isStopping: isStopped,
    async close({ onWait = () => {} } = {}) {
      closed = true;
      webhooks?.stop();
      // others serve at once what nobody here works on
      const left = store.leave();
      onWait(
        `the runs of ${runs.busySessions} session(s) to end, at most ${limits.drainMs / 1000} s`,
      );
      const heard = limits.stopListenMs > 0 ? pause(limits.stopListenMs, clock, null) : null;
      await runs.drain(limits.drainMs);
      onWait("requests to go elsewhere");
      await heard;
      onWait("the store to take the ends of runs");
      // before the streams, so that viewers get the reason
      const ends = runs.close();
      const ended = Promise.allSettled([ends, backgroundEvents.close(), compactor.close(), left]);
      await settledWithin(ENDS_WAIT_MS, clock, ended);
      await settledWithin(ENDS_WAIT_MS, clock, webhooks?.close() ?? Promise.resolve());
      pacer.endAll();
      for (const stop of [stopTicking, stopLooking, stopSweeping, stopClosing]) stop();
      return { orphanedRuns: () => ends };
    },
  };
}

function runLimits({ podGraceMs, reattachMs, ...limits }: ServiceLimits) {
  const { runQueue: queueLimit, runIdleMs: idleMs, runMaxMs: maxMs } = limits;
  return { queueLimit, idleMs, maxMs, podGraceMs, reattachMs };
}

/** A secret that nobody else has. */
const randomSecret: TicketsOptions["secret"] = () =>
  Promise.resolve(crypto.getRandomValues(new Uint8Array(32)));

/** Makes waiting readers ask the store from time to time. Returns a function that stops it. */
function keepLooking(sessions: Sessions, clock: Clock): () => void {
  let looking = false;
  return clock.every(LOOK_MS, () => {
    if (looking) return;
    looking = true;
    void sessions.refreshWaiting().finally(() => {
      looking = false;
    });
  });
}
