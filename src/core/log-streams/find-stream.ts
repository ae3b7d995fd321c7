import { RunlogError } from "../../ports/errors.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { markedRun } from "../log/open-run-marks.ts";
import type { ReadableLog } from "../log/readable-log.ts";
import { isLineStart } from "../log/scan-event-facts.ts";
import { findRun } from "../model/session-state.ts";
import type { Session } from "../session/session.ts";
import { RunReader } from "./run-reader.ts";
import { type AskedOffset, invalidOffset, NO_LOG, type StreamOffset } from "./stream-offset.ts";
import { createSessionReader, type StreamedLog, type StreamReader } from "./stream-reader.ts";

export interface FindStreamOptions {
  readonly store: LogStore;
  readonly session: Session;
  /** The log as readers may see it, or null if the session has none. */
  readonly readable: ReadableLog | null;
  /** The run whose events are wanted; null for all events of the session. */
  readonly runId: string | null;
  readonly asked: AskedOffset;
}

/** A reader, and the log that it reads; null for that of a session that has none yet. */
export interface StreamPlace {
  readonly log: StreamedLog | null;
  readonly reader: StreamReader;
  /** Where the reader is. */
  readonly offset: StreamOffset;
}

export function placeOf(log: StreamedLog | null, reader: StreamReader): StreamPlace {
  return {
    log,
    reader,
    get offset() {
      const { offset, runFrom } = reader;
      return { logId: log?.logId ?? NO_LOG, offset, runFrom };
    },
  };
}

/** What a session without a log can give. */
const NOTHING: StreamReader = { offset: 0, runFrom: null, isClosed: false, part: async () => [] };

/**
 * Where a client goes on. Throws `invalid-input` for an offset that the stream has not given, `log-not-found` for one
 * of a log that is gone, `run-not-found`, and what the store throws.
 */
export async function findStream(options: FindStreamOptions): Promise<StreamPlace> {
  const { store, session, readable, runId, asked } = options;
  const { key } = session;
  assertSameLog(asked, readable);
  if (!readable) {
    if (runId !== null) throw noSuchRun();
    return placeOf(null, NOTHING);
  }
  const { stat, from } = readable;
  const log: StreamedLog = { store, key, logId: stat.logId };
  const end = stat.end.raw;
  const given = typeof asked === "object" && asked.logId !== NO_LOG ? asked : null;
  if (given && (given.offset > end || !(await isLineStart(store, key, given))))
    throw invalidOffset();
  if (runId !== null) return placeOf(log, await runReader(options, log, { from, end, given }));
  const start = asked === "now" ? end : (given?.offset ?? 0);
  return placeOf(log, createSessionReader(log, Math.max(from, start)));
}

function assertSameLog(asked: AskedOffset, readable: ReadableLog | null): void {
  if (typeof asked !== "object" || asked.logId === NO_LOG || asked.logId === readable?.stat.logId)
    return;
  throw new RunlogError("log-not-found", "The log of this offset is gone: begin with offset=-1");
}

interface RunBounds {
  readonly from: number;
  readonly end: number;
  readonly given: StreamOffset | null;
}

async function runReader(
  { store, session, runId: id, asked }: FindStreamOptions,
  log: StreamedLog,
  { from, end, given }: RunBounds,
): Promise<RunReader> {
  const runId = id ?? "";
  const markedFrom = await markedStart(store, session.key, { logId: log.logId, runId });
  const runFrom = given?.runFrom ?? Math.max(from, markedFrom ?? 0);
  if (runFrom > end || !(await isLineStart(store, session.key, { ...log, offset: runFrom })))
    throw invalidOffset();
  const reader = new RunReader(log, runId, runFrom);
  if (given) {
    if (!(await reader.seek(given.offset))) throw invalidOffset();
  } else if (await reader.seekStart(end)) {
    if (asked === "now") await reader.seek(end);
    return reader;
  }
  // it may wait for its turn, or have begun since the end was read
  if (!reader.hasBegun && markedFrom === null && !(await isKnown(session, runId)))
    throw noSuchRun();
  return reader;
}

/** Where the log ended when the run was marked as open; null for one that has no mark. */
async function markedStart(
  store: LogStore,
  key: SessionKey,
  { logId, runId }: { readonly logId: string; readonly runId: string },
): Promise<number | null> {
  for await (const mark of store.openRuns(key))
    if (mark.runId === runId && mark.logId === logId) return markedRun(mark).from ?? 0;
  return null;
}

async function isKnown(session: Session, runId: string): Promise<boolean> {
  await session.load();
  return findRun(session.state, runId) !== null;
}

function noSuchRun(): RunlogError {
  return new RunlogError("run-not-found", "Run not found");
}
