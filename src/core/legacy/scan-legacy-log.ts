import type { Clock } from "../../ports/clock.ts";
import type { ScanMark } from "../../ports/edits.ts";
import type { LogStat, LogStore } from "../../ports/log-store.ts";
import { factsOfLine, runError } from "../model/server-events.ts";
import { RESTARTED } from "../model/run-end-reasons.ts";
import { encodeCheckpoint, type Folded } from "../model/checkpoint.ts";
import type { RawLog } from "../log/raw-log.ts";
import { EMPTY_STATE, findRun, foldEvent, type SessionState } from "../model/session-state.ts";
import { LegacyLogScan } from "./legacy-log-scan.ts";

export interface ScanLegacyLogOptions {
  readonly store: LogStore;
  readonly log: RawLog;
  readonly stat: LogStat;
  /** The mark of an earlier scan. */
  readonly mark: ScanMark;
  /** The log's checkpoint. */
  readonly head: Folded;
  readonly clock: Clock;
}

export interface ScannedLegacyLog {
  readonly state: SessionState;
  readonly mark: ScanMark;
}

/** Edits are stored in pieces of this size; a scan that is interrupted goes on after the last. */
const STORE_BYTES = 1024 * 1024;
/** Most bytes of the raw log between two marks. */
const STORE_EVERY_BYTES = 64 * 1024 * 1024;

/**
 * Scans a log once: stores the edits for its readers, ends the run that was orphaned in it, and
 * saves its checkpoint. The mark that the scan is done comes last, so that after a crash the scan
 * goes on and nothing happens twice. Throws what the store throws.
 *
 * A log of our own is read from its checkpoint's offset on, if no event that the checkpoint counts
 * may be damaged. Its runs that wait are left to their marks.
 */
export async function scanLegacyLog(options: ScanLegacyLogOptions): Promise<ScannedLegacyLog> {
  const { store, log, stat, mark: known, head, clock } = options;
  const { key } = log;
  const { logId } = stat;
  const isKnown = known.isOwn && head.state.offset <= known.offset;
  const before = isKnown ? head.state : EMPTY_STATE;
  const scan = new LegacyLogScan(known, before);
  let editsEnd = stat.end.edits;

  async function storeMark(isDone: boolean): Promise<ScanMark> {
    const mark = scan.addMark(isDone);
    const records = scan.records.take();
    editsEnd = await store.append(key, records, {
      logId,
      log: "edits",
      expectedEnd: editsEnd,
      durable: isDone,
    });
    return mark;
  }

  let position = before.offset;
  let storedAt = known.offset;
  for await (const chunk of store.read(key, { logId, start: before.offset, end: stat.end.raw })) {
    scan.push(chunk);
    position += chunk.length;
    if (scan.records.length < STORE_BYTES && position - storedAt < STORE_EVERY_BYTES) continue;
    await storeMark(false);
    storedAt = position;
  }
  const state = await endOpenRun(log, { logId, before: scan.state, timestamp: clock.now() });
  await store.setHead(
    key,
    logId,
    encodeCheckpoint({ state, messages: head.messages, savedAtMs: null }),
  );
  return { state, mark: await storeMark(true) };
}

interface EndOptions {
  readonly logId: string;
  readonly before: SessionState;
  readonly timestamp: number;
}

/** Ends the orphaned run of the log; resolves with the state after that. */
async function endOpenRun(
  log: RawLog,
  { logId, before, timestamp }: EndOptions,
): Promise<SessionState> {
  const runId = before.openRun;
  if (!runId) return before;
  const threadId = findRun(before, runId)?.threadId || log.key.session;
  const end = runError({ threadId, runId, timestamp }, RESTARTED.message, RESTARTED.code);
  await log.append([end], { logId, durable: true });
  return foldEvent(before, factsOfLine(end));
}
