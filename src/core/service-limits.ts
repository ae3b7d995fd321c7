import type { CallerQuotas } from "./callers/caller-limits.ts";

/** What a service may use and how long it waits, in bytes, in ms and in numbers of things. */
/** By default callers have no quotas. */
export interface ServiceLimits extends CallerQuotas {
  /** Silence in ms before a stream gets a heartbeat. Default 15 s (PROTOCOL 4.4). */
  readonly heartbeatMs: number;
  /** How long in ms a client may take over one chunk. Default 30 s. */
  readonly writeDeadlineMs: number;
  /**
   * How soon clients should reconnect, in ms; each is sent half to one and a half of it. Default 2
   * s.
   */
  readonly retryMs: number;
  /** Streams (events, exports) open at once. Default 10,000. */
  readonly maxStreams: number;
  /** Of those, streams of one session. Default 2,000. */
  readonly maxSessionStreams: number;
  /**
   * Memory of viewers who read the store, in bytes: the less of it is free, the smaller are their
   * reads, between 4 and 64 KiB. Default 64 MiB.
   */
  readonly replayBytes: number;
  /** Bytes of latest events kept per session. Default 1 MiB. */
  readonly ringBytes: number;
  /** Bytes of latest events kept in all. Default 64 MiB. */
  readonly ringBudgetBytes: number;
  /** Request bodies waiting at once, bytes. Default 64 MiB. */
  readonly bodyBudgetBytes: number;
  /** Messages that streams of the standard profile keep, bytes in all. Default 64 MiB. */
  readonly messageBudgetBytes: number;
  /** Long lines that streams of the standard profile read at once, bytes. Default 64 MiB. */
  readonly lineBudgetBytes: number;
  /** Runs of a session that may wait after the active one. Default 8. */
  readonly runQueue: number;
  /** Silence of a runner in ms that ends its run. Default null: never. */
  readonly runIdleMs: number | null;
  /** How long in ms a run may take. Default null: as long as it wants. */
  readonly runMaxMs: number | null;
  /**
   * How long in ms a runner is asked again that can be asked for the rest of a run and does not answer. Default
   * 5 min.
   */
  readonly reattachMs: number;
  /** How long in ms a long poll of a stream waits for more. Default 25 s. */
  readonly longPollMs: number;
  /** How long in ms a run that its agent pushes may be silent. Default 5 min. */
  readonly pushIdleMs: number;
  /** How long in ms the state of an unused session is kept. Default 10 min. */
  readonly sessionIdleMs: number;
  /** How long in ms a stop waits for runs to end by themselves. Default 10 s. */
  readonly drainMs: number;
  /** How long in ms a stop serves on at least, for what routes requests to hear of it. Default 0. */
  readonly stopListenMs: number;
  /** How often in ms the access of an open stream's client is checked again. Default 5 min. */
  readonly reauthMs: number;
  /** How long in ms a ticket for a stream may wait for its first use. Default 60 s. */
  readonly ticketMs: number;
  /**
   * How long in ms a run that has lost its runner waits for the end of the pod to be known. Default
   * 0.
   */
  readonly podGraceMs: number;
}

const MIB = 1024 * 1024;
/** What holds where nothing else is asked for. */
export const DEFAULT_LIMITS: ServiceLimits = {
  heartbeatMs: 15_000,
  writeDeadlineMs: 30_000,
  retryMs: 2_000,
  maxStreams: 10_000,
  maxSessionStreams: 2_000,
  replayBytes: 64 * MIB,
  ringBytes: MIB,
  ringBudgetBytes: 64 * MIB,
  bodyBudgetBytes: 64 * MIB,
  messageBudgetBytes: 64 * MIB,
  lineBudgetBytes: 64 * MIB,
  runQueue: 8,
  runIdleMs: null,
  runMaxMs: null,
  reattachMs: 300_000,
  longPollMs: 25_000,
  pushIdleMs: 300_000,
  sessionIdleMs: 600_000,
  drainMs: 10_000,
  stopListenMs: 0,
  reauthMs: 300_000,
  ticketMs: 60_000,
  callerRequests: null,
  callerRuns: null,
  callerStreams: null,
  podGraceMs: 0,
};
