/**
 * What a viewer is sent, and from where: the stored events (`openEvents`), the session for clients of
 * the AG-UI standard (`openConnect`), one run of it (`openRunStream`), or what the session is now
 * (`findSessionNow`). Their sources take over `use` and release it when they are closed.
 */

import { RunlogError } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { openingSource } from "../../stream/sse/opening-source.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { isImported } from "../legacy/scan-marks.ts";
import { cursorOfFrame, formatCursor } from "../model/cursor.ts";
import { findRun } from "../model/session-state.ts";
import {
  findReplayStart,
  type FullReplayReason,
  type HistoryView,
  type ReplayStart,
} from "../replay/resume-point.ts";
import { createEventStream, HEARTBEAT } from "../replay/sse-stream.ts";
import { type CurrentRuns, currentRuns } from "../runs/current-runs.ts";
import type { RunAccepted } from "../runs/run-request.ts";
import type { SharedReads } from "../replay/log-follower.ts";
import type { LogPosition } from "../log/raw-log.ts";
import type { Session } from "../session/session.ts";
import type { Sessions, SessionUse } from "../session/session-registry.ts";
import { createMessagesNow, createThreadNow } from "./messages-now.ts";
import type { PostedInput } from "./posted-input.ts";
import type { ProfileBudgets, ProfileSourceOptions, RawPosition } from "./profile-pass.ts";
import {
  createProfileSource,
  createResumedSource,
  createSnapshotSource,
  readAmbientSnapshot,
} from "./profile-source.ts";
import type { Dialect } from "./repair/dialect.ts";
import type { Message } from "./repair/repair-message.ts";

/** How a stream begins: with the history in a view, or with a snapshot. */
export type StreamView = HistoryView | "snapshot";

/** The parts of a session service that viewing needs. */
export interface ViewedService {
  readonly store: LogStore;
  readonly logger: Logger;
  readonly reads: SharedReads;
  readonly profileBudgets: ProfileBudgets;
  readonly limits: { readonly retryMs: number };
  readonly sessions: Pick<Sessions, "recover">;
  readonly compactor: { request(key: SessionKey): void };
  readonly runs: {
    isRunning(key: SessionKey): boolean;
    isInFlight(key: SessionKey, runId: string): boolean;
    unfinishedRun(key: SessionKey): RunAccepted | null;
  };
  readonly backgroundEvents: { openRun(key: SessionKey): string | null };
  readonly openRuns: { isOpen(session: Session, runId: string | null): Promise<boolean> };
}

/** A stream that was opened. */
export interface OpenedStream {
  readonly source: ChunkSource;
  /** Why a client that asked for less is sent everything, or null. */
  readonly full: FullReplayReason | null;
}

/** A shorter history is sent as it is: searching for something smaller would cost more. */
const SHORT_HISTORY_BYTES = 256 * 1024;

/** The stored events after a cursor or from the start, then live without end (PROTOCOL 4). */
export async function openEvents(
  service: ViewedService,
  use: SessionUse,
  { cursor, view }: { readonly cursor: string | null; readonly view: StreamView },
): Promise<OpenedStream> {
  const { store, reads, limits } = service;
  const { key } = use.session;
  const history = historyOf(view);
  const found = await findReplayStart(use.session, { store, cursor, view: history });
  // viewers get the end of a run as soon as it is stored
  if (found.logId !== null) void service.sessions.recover(key);
  requestCompaction(service, key, history, found);
  const isFresh = cursor === null || found.full !== null;
  const { preface, ...start }: PrefacedStart =
    view === "snapshot" && isFresh ? await snapshotStart(service, use, found) : found;
  const { retryMs } = limits;
  const options = { store, start, reads, retryMs, ...(preface && { preface }) };
  return { source: createEventStream(use, options), full: start.full };
}

type PrefacedStart = ReplayStart & { readonly preface?: Uint8Array<ArrayBuffer> };

/** Begins after a snapshot of the session; at the start if there can be none. */
async function snapshotStart(
  { logger, profileBudgets: budgets, store }: ViewedService,
  use: SessionUse,
  found: ReplayStart,
): Promise<PrefacedStart> {
  if ((use.session.log.position?.end ?? 0) === 0) return found;
  const snapshot = await readAmbientSnapshot(use, { store, start: found, budgets, logger });
  if (!snapshot) return { ...found, full: "snapshot-too-large" };
  const { frames: preface, position } = snapshot;
  return { ...found, logId: position.logId, compact: null, offset: position.offset, preface };
}

export interface ConnectOptions {
  readonly view: StreamView;
  readonly dialect: Dialect;
  readonly posted: PostedInput;
  /** The id of the last frame that the client has, or null. */
  readonly lastId: string | null;
}

/**
 * The session's history and what follows, for any client of the AG-UI standard, until no run is active
 * (PROTOCOL 11). After `lastId`, if there is such a frame; else a snapshot, and why.
 */
export async function openConnect(
  service: ViewedService,
  use: SessionUse,
  { view, dialect, posted, lastId }: ConnectOptions,
): Promise<OpenedStream> {
  const { store, logger, profileBudgets: budgets, runs, backgroundEvents } = service;
  const { key } = use.session;
  const history = historyOf(view);
  const start = await findReplayStart(use.session, { store, cursor: null, view: history });
  // a stream that ends once no run is active ends as the run did
  const recovered = start.logId === null ? null : service.sessions.recover(key);
  if (!start.isImported) await recovered;
  requestCompaction(service, key, history, start);
  const options: ProfileSourceOptions = {
    store,
    start,
    dialect,
    budgets,
    logger,
    isWarm: posted.messageCount > 0,
    ...(posted.threadId !== null && { clientThreadId: posted.threadId }),
    isOver: async () => {
      if (runs.isRunning(key) || backgroundEvents.openRun(key) !== null) return false;
      return !(await service.openRuns.isOpen(use.session, null));
    },
  };
  if (lastId === null) return beginAnew(use, view, options);
  const resumed = await resumeAfter(use, options, lastId);
  if (typeof resumed !== "string") return { source: resumed, full: null };
  return { ...(await beginAnew(use, "snapshot", options)), full: resumed };
}

/** The whole session in a view. */
async function beginAnew(
  use: SessionUse,
  view: StreamView,
  options: ProfileSourceOptions,
): Promise<OpenedStream> {
  const { compact, offset } = options.start;
  const rawBytes = (use.session.log.position?.end ?? 0) - offset;
  const historyBytes = rawBytes + (compact ? compact.end - compact.start : 0);
  if (view === "raw" || (view === "condensed" && historyBytes < SHORT_HISTORY_BYTES))
    return { source: createProfileSource(use, options), full: null };
  if (view !== "snapshot") {
    // a long history takes a while to read: the answer begins first
    const source = openingSource({
      first: HEARTBEAT,
      open: async (signal) =>
        (await createSnapshotSource(use, { ...options, isForced: false, signal })).source,
      onClosed: () => use.release(),
    });
    return { source, full: null };
  }
  // the header depends on whether it is a snapshot
  const { source, isSnapshot } = await createSnapshotSource(use, { ...options, isForced: true });
  return { source, full: isSnapshot ? null : "snapshot-too-large" };
}

export interface RunStreamOptions {
  readonly dialect: Dialect;
  readonly posted: PostedInput | null;
  /** The messages that the client has; null if they are unknown. */
  readonly known: readonly Message[] | null;
  /** The id of the last frame that the client has, or null. */
  readonly lastId: string | null;
  /** Starts the run; resolves with its ids. */
  readonly startRun: () => Promise<{ readonly runId: string; readonly threadId: string }>;
}

/**
 * Starts a run, and sends its own stream (PROTOCOL 11). One that was posted before is sent again: after
 * `lastId`, if there is such a frame of it; else from its beginning, and why.
 */
export async function openRunStream(
  service: ViewedService,
  use: SessionUse,
  { dialect, posted, known, lastId, startRun }: RunStreamOptions,
): Promise<OpenedStream> {
  const { store, logger, profileBudgets: budgets, runs } = service;
  const { key } = use.session;
  // before the run's first line is stored
  const { isRepeated, start } = await runStart(service, use.session, posted?.runId ?? null);
  const { runId, threadId } = await startRun();
  const options: ProfileSourceOptions = {
    store,
    start,
    dialect,
    budgets,
    logger,
    onlyRun: runId,
    clientThreadId: posted?.threadId ?? threadId,
    known,
    // one that comes back may have the state of a later moment
    hasPostedState: !isRepeated,
    isOver: async () =>
      !runs.isInFlight(key, runId) && !(await service.openRuns.isOpen(use.session, runId)),
  };
  if (lastId === null || !isRepeated)
    return { source: createProfileSource(use, options), full: null };
  const resumed = await resumeAfter(use, options, lastId);
  if (typeof resumed !== "string") return { source: resumed, full: null };
  return { source: createProfileSource(use, options), full: resumed };
}

/**
 * The stream of a run that was posted before, for a client that did not post it: as `openRunStream` sends it again.
 * Throws `run-not-found`.
 */
export async function openJoinedRun(
  service: ViewedService,
  use: SessionUse,
  options: Pick<RunStreamOptions, "dialect" | "lastId"> & { readonly runId: string },
): Promise<OpenedStream> {
  const { key } = use.session;
  const { dialect, lastId, runId } = options;
  await use.session.load();
  const run = findRun(use.session.state, runId);
  if (!run && !service.runs.isInFlight(key, runId))
    throw new RunlogError("run-not-found", "The session has no such run");
  const threadId = run?.threadId || key.session;
  return openRunStream(service, use, {
    dialect,
    posted: { protocolVersion: null, runId, threadId, messageCount: 0, messages: null },
    known: [],
    lastId,
    startRun: () => Promise.resolve({ runId, threadId }),
  });
}

/** What a session is now (PROTOCOL 12.6). */
export interface SessionNow {
  /** The end of the log that is described; null if there is none. */
  readonly position: RawPosition | null;
  readonly runs: CurrentRuns;
  /** All of it as JSON. One of the two is to be called, at most once: the source takes over `use`. */
  readonly open: () => ChunkSource;
  /** The messages in the form of TanStack AI, with the active run and the interrupts, as JSON. */
  readonly openThread: () => ChunkSource;
}

/** What a session is now, of which nothing is read before it is opened. */
export async function findSessionNow(service: ViewedService, use: SessionUse): Promise<SessionNow> {
  const { store, logger, profileBudgets: budgets } = service;
  const { session } = use;
  if (await session.load()) await service.sessions.recover(session.key);
  const { start, end } = await findStartAndEnd(session, store);
  requestCompaction(service, session.key, "condensed", start);
  const position = end && ({ log: "raw", logId: end.logId, offset: end.end } as const);
  const runs = currentRuns(service.runs, session);
  const { activeRun, waitingRuns } = runs;
  const named = session.state.runs.findLast((run) => run.threadId !== "");
  const threadId = activeRun?.threadId ?? named?.threadId ?? session.key.session;
  const lastRunId = session.state.runs.findLast(({ phase }) => phase !== "waiting")?.runId ?? null;
  const shared = { store, start, budgets, logger, threadId, position };
  const options = { ...shared, activeRun, waitingRuns, lastRunId };
  return {
    position,
    runs,
    open: () => createMessagesNow(use, options),
    openThread: () => createThreadNow(use, options),
  };
}

/** Where the history of a log begins, and where it ends; the session's state is that of this log. */
async function findStartAndEnd(
  session: Session,
  store: LogStore,
): Promise<{ readonly start: ReplayStart; readonly end: LogPosition | null }> {
  for (;;) {
    const start = await findReplayStart(session, { store, cursor: null, view: "condensed" });
    const loaded = await session.load();
    const end = session.log.position;
    // else the session was deleted, or made again, in between
    if (loaded === start.logId && (end?.logId ?? null) === loaded) return { start, end };
  }
}

/** Where the run's events begin: after what is stored, or anywhere if it was posted before. */
async function runStart(
  { runs }: ViewedService,
  session: Session,
  runId: string | null,
): Promise<{ readonly isRepeated: boolean; readonly start: ReplayStart }> {
  const readable = await session.readable();
  await session.load();
  const { position } = session.log;
  const isRepeated =
    runId !== null &&
    (runs.isInFlight(session.key, runId) || findRun(session.state, runId) !== null);
  const start: ReplayStart = {
    logId: position?.logId ?? null,
    compact: null,
    offset: isRepeated ? 0 : (position?.end ?? 0),
    full: null,
    isImported: readable !== null && isImported(readable.stat),
  };
  return { isRepeated, start };
}

/**
 * What follows the frame with this id: everything before it is read, and nothing of it is sent. Where that
 * is not possible, why. A raw cursor is looked for in the raw log, whatever has been compacted since.
 */
async function resumeAfter(
  use: SessionUse,
  options: ProfileSourceOptions,
  lastId: string,
): Promise<ChunkSource | FullReplayReason> {
  const { store, onlyRun } = options;
  const cursor = cursorOfFrame(lastId);
  if (!cursor) return "unreadable-cursor";
  const view = cursor.log === "raw" || onlyRun !== undefined ? "raw" : "condensed";
  const at = await findReplayStart(use.session, { store, cursor: formatCursor(cursor), view });
  if (at.full !== null) return at.full;
  const start = await findReplayStart(use.session, { store, cursor: null, view });
  const source = await createResumedSource(use, { ...options, start }, lastId);
  return source ?? "no-such-frame";
}

function historyOf(view: StreamView): HistoryView {
  return view === "raw" ? "raw" : "condensed";
}

/** Has runs compacted that an earlier process did not end. */
function requestCompaction(
  { compactor }: ViewedService,
  key: SessionKey,
  view: HistoryView,
  { logId }: ReplayStart,
): void {
  if (view === "condensed" && logId !== null) compactor.request(key);
}
