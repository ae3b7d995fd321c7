import { RunlogError } from "../../src/ports/errors.ts";
import { createLogId, logIdTime } from "../../src/ports/log-id.ts";
import type { LogName, LogStat, ReadOptions } from "../../src/ports/log-store.ts";
import { createGrowingBytes } from "./growing-bytes.ts";
import type { GrowingBytes } from "./growing-bytes.ts";

/** One life of a session: everything that `delete` removes. */
export interface SessionLog {
  readonly project: string;
  readonly session: string;
  readonly logId: string;
  readonly createdAtMs: number;
  readonly bytes: Readonly<Record<LogName, GrowingBytes>>;
  /** Data of the open runs by run id. */
  readonly marks: Map<string, string>;
  head: Uint8Array | null;
  document: Uint8Array | null;
}

/** A new, empty life of the session. */
export function createSessionLog(project: string, session: string, nowMs: number): SessionLog {
  const logId = createLogId(nowMs);
  return {
    project,
    session,
    logId,
    createdAtMs: logIdTime(logId),
    bytes: {
      raw: createGrowingBytes(),
      compact: createGrowingBytes(),
      edits: createGrowingBytes(),
    },
    marks: new Map(),
    head: null,
    document: null,
  };
}

/** What the port says of a log. */
export function statOf({ logId, createdAtMs, bytes, head, document }: SessionLog): LogStat {
  const end = {
    raw: bytes.raw.length,
    compact: bytes.compact.length,
    edits: bytes.edits.length,
  };
  return { logId, createdAtMs, end, head, document };
}

/** The range that `options` ask for. Throws `log-range` if it is not within the log. */
export function rangeOf(log: SessionLog, options: ReadOptions): { start: number; end: number } {
  const size = log.bytes[options.log ?? "raw"].length;
  const { start = 0, end = size } = options;
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (!whole || start < 0 || start > end || end > size)
    throw new RunlogError("log-range", "The range is outside the log", { start, end, size });
  return { start, end };
}

/** By project, then by session, in the order of their characters' codes. */
export function compareSessions(
  a: { readonly project: string; readonly session: string },
  b: { readonly project: string; readonly session: string },
): number {
  return compareText(a.project, b.project) || compareText(a.session, b.session);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
