import type { Caller } from "../../ports/authorizer.ts";
import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogReader, LogStore, SessionKey } from "../../ports/log-store.ts";
import type { SessionDirectory, SessionDocument } from "../../ports/session-directory.ts";
import type { StorageQuota } from "../../ports/storage-quota.ts";
import type { Compactor } from "./compactor.ts";
import { findBlockBefore, findTrailerAfter } from "../compaction/find-block.ts";
import { userContextOf } from "../documents/new-session.ts";
import type { LogPart } from "../history/page-events.ts";
import { copyArrivals } from "../log/copy-arrivals.ts";
import type { ReadableLog } from "../log/readable-log.ts";
import { isLineStart } from "../log/scan-event-facts.ts";
import { type Cursor, formatCursor, parseCursor } from "../model/cursor.ts";
import { factsOfLine, runError } from "../model/server-events.ts";
import { findRun } from "../model/session-state.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../session/session-registry.ts";
import type { Incarnations } from "./incarnations.ts";

/** The annotations that say where a session was forked from: its name, and the cursor. */
const FORKED_FROM = "vteam.ambient-code/forked-from";
const FORKED_AT = "vteam.ambient-code/forked-at";

export interface ForkRequest {
  /** The cursor up to which the log is taken over. */
  readonly at: string;
  /** Default: the source's. */
  readonly displayName?: string;
  readonly caller: Caller;
  /** Ends the copying; what was made of the new session is removed. */
  readonly signal: AbortSignal;
}

/** A session that was forked. */
export interface ForkedSession {
  readonly name: string;
  readonly uid: string;
  /** Where its log ends. */
  readonly cursor: string | null;
}

interface ForkingService {
  readonly store: LogStore;
  readonly sessions: Sessions;
  readonly incarnations: Pick<Incarnations, "confirm" | "forget">;
  readonly compactor: Pick<Compactor, "request">;
  readonly quota: StorageQuota | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LF = 10;
/** Bytes of one append; a longer line is appended in one piece. */
const APPEND_BYTES = 1024 * 1024;
const FORKED = "The session was forked during the run";

/**
 * Makes a session of its own whose log is that of `key` up to a cursor, with its document. A run that is open there ends
 * with a RUN_ERROR. A cursor of the compact log has the events that it stands after: those of the runs before as they were stored, and of
 * its run as they are in the compact log. The log is copied as it is read; if that fails nothing is left. Throws
 * `invalid-input`, `session-not-found`, `event-not-found`, `quota-exceeded`, and as directory and store.
 */
export async function forkSession(
  service: ForkingService,
  directory: SessionDirectory,
  key: SessionKey,
  request: ForkRequest,
): Promise<ForkedSession> {
  const { sessions, store } = service;
  service.quota?.assertRoom();
  const at = parseCursor(request.at);
  if (!at) throw new RunlogError("invalid-input", "Invalid cursor");
  return sessions.with(key, async (source) => {
    const readable = await source.readable();
    const document = await directory.get(key);
    if (!document) throw new RunlogError("session-not-found", "Session not found");
    if (!readable) throw notFound();
    const parts = await partsBefore(store, key, readable, at);
    const forked = { project: key.project, session: `session-${crypto.randomUUID()}` };
    const { metadata } = await directory.create(forked, forkOf(document, request));
    try {
      await service.incarnations.confirm(forked, directory, "now");
      const cursor = await sessions.with(forked, async (session) => {
        const logId = await copyEvents(store, { from: key, parts, to: session }, request.signal);
        const [raw] = parts;
        // in this order: what is stored in between is in both
        const waiting = source.log.waitingArrivals(readable.stat.logId);
        const stat = await store.stat(key);
        if (stat?.logId !== readable.stat.logId) throw notFound();
        const range = { start: raw?.start ?? 0, end: raw?.end ?? 0 };
        await copyArrivals(store, { from: key, stat, waiting, to: forked, logId, ...range });
        return endOpenRun(service, source, session);
      });
      service.compactor.request(forked);
      return { name: forked.session, uid: metadata.uid, cursor };
    } catch (error) {
      await removeFork(service, directory, forked);
      throw error;
    }
  });
}

/** The document of a fork: what its source is to do, but for what it begins with, and where it came from. */
function forkOf(
  { metadata, spec }: SessionDocument,
  { at, caller, displayName = "" }: ForkRequest,
): Parameters<SessionDirectory["create"]>[1] {
  const { initialPrompt: _, userContext: __, ...kept } = spec;
  const userContext = userContextOf(caller);
  return {
    metadata: {
      ...(metadata.labels && { labels: metadata.labels }),
      annotations: { [FORKED_FROM]: metadata.name, [FORKED_AT]: at },
    },
    spec: {
      ...kept,
      ...(displayName !== "" && { displayName }),
      ...(userContext && { userContext }),
    },
  };
}

/** The events before a cursor: of the raw log, and after them those of the run of a cursor in the compact log. */
async function partsBefore(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  { stat, from }: ReadableLog,
  at: Cursor,
): Promise<LogPart[]> {
  const { log, logId, offset } = at;
  const isThere = logId === stat.logId && offset <= stat.end[log];
  if (!isThere || !(await isLineStart(store, key, at))) throw notFound();
  const raw = (end: number): LogPart => ({
    place: { log: "raw", logId },
    start: Math.min(from, end),
    end,
  });
  if (at.log === "raw") return [raw(offset)];
  const { generation } = at;
  const end = stat.end.compact;
  const next = await findTrailerAfter(store, key, { logId, start: offset, end });
  if (next?.trailer.generation !== generation || next.trailer.start > offset) throw notFound();
  const { rawStart, rawEnd, start } = next.trailer;
  if (next.start === offset) return [raw(rawEnd)];
  const last = await findBlockBefore(store, key, { logId, start, end: offset }, rawStart);
  const place = { log: "compact", logId, generation } as const;
  return [raw(rawStart), { place, start: last?.end ?? start, end: offset }];
}

interface Copying {
  readonly from: SessionKey;
  readonly parts: readonly LogPart[];
  readonly to: Session;
}

/** Appends the events to the session's log, some at a time: in memory is what one append takes. Resolves with its id. */
async function copyEvents(
  store: Pick<LogReader, "read">,
  { from, parts, to }: Copying,
  signal: AbortSignal,
): Promise<string> {
  const logId = await to.loadOrCreate();
  for (const { place, start, end } of parts) {
    if (start === end) continue;
    let pieces: Uint8Array[] = [];
    let size = 0;
    const range = { logId: place.logId, log: place.log, start, end, signal };
    for await (const chunk of store.read(from, range)) {
      signal.throwIfAborted();
      const lineEnd = chunk.lastIndexOf(LF) + 1;
      if (lineEnd > 0 && size + lineEnd >= APPEND_BYTES) {
        await to.log.append([...pieces, chunk.subarray(0, lineEnd)], { logId, isCopy: true });
        pieces = [chunk.slice(lineEnd)];
        size = chunk.length - lineEnd;
      } else {
        pieces.push(chunk);
        size += chunk.length;
      }
    }
    if (size > 0) await to.log.append(pieces, { logId, isCopy: true });
  }
  return logId;
}

/** Ends the run that is open at the log's end, if there is one; resolves with the cursor after all. */
async function endOpenRun(
  { clock }: ForkingService,
  source: Session,
  session: Session,
): Promise<string | null> {
  const logId = await session.refold();
  if (logId === null) throw new RunlogError("log-not-found", "The log was deleted");
  const { openRun } = session.state;
  if (openRun !== null) {
    await source.load();
    const threadId = findRun(source.state, openRun)?.threadId || source.key.session;
    const context = { threadId, runId: openRun, timestamp: clock.now() };
    const line = runError(context, FORKED, "forked");
    const lines = { lines: [line], events: [factsOfLine(line)] };
    await session.append(lines, { logId, durable: true });
  }
  await session.save();
  return formatCursor({ log: "raw", logId, offset: session.state.offset });
}

/** What was made of a fork that failed goes again. Never rejects. */
async function removeFork(
  { incarnations, logger, store }: ForkingService,
  directory: SessionDirectory,
  key: SessionKey,
): Promise<void> {
  try {
    incarnations.forget(key);
    await directory.delete(key);
    await store.delete(key);
  } catch (error) {
    logger.warn("fork-not-removed", { ...key, error });
  }
}

function notFound(): RunlogError {
  return new RunlogError(
    "event-not-found",
    "No such position: the cursor is of another log, beyond its end, or not after an event",
  );
}
