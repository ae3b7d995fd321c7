import { isLogId } from "../../ports/log-id.ts";
import { formatCursor } from "../model/cursor.ts";
import { TOKEN_KINDS, type TokenUsage } from "../model/token-usage.ts";

/**
 * What became of a run. `unended`: the log has no end of it, though many later runs have ended. A run that waits is in no
 * log.
 */
export type RunStatus =
  | "waiting"
  | "running"
  | "finished"
  | "interrupted"
  | "cancelled"
  | "error"
  | "unended";

/** A run as a raw log has it. Offsets and lengths in bytes of that log. */
export interface ScannedRun {
  /** "" if it has none. */
  readonly runId: string;
  readonly threadId: string | null;
  readonly status: RunStatus;
  /** `timestamp` of its first and last event, or when these arrived, epoch ms; null where neither is known. */
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** Where its RUN_STARTED begins; null if it has none yet. */
  readonly start: number | null;
  /** After the event that ended it; null while it is open. */
  readonly end: number | null;
  /** Events of the log from `start` to `end`, whosever they are, and their bytes. */
  readonly events: number;
  readonly bytes: number;
  readonly toolCalls: number;
  readonly usage: TokenUsage | null;
  readonly error: { readonly message: string; readonly code?: string } | null;
}

/** What stands before the run in a line of the runs log, so that an index can be gone on with from its last line. */
export interface RowPrefix {
  readonly logId: string;
  /** Where in the runs log this generation begins. */
  readonly start: number;
  /** How many runs come before it. */
  readonly number: number;
  /** The block of the raw log that the run is in. */
  readonly from: number;
  readonly to: number;
  /** How many of the block's runs are still to come. */
  readonly left: number;
  /** Tokens of all runs up to and with this one. */
  readonly total: TokenUsage | null;
}

/** The version of lines. Another one is another generation, which begins after what is there. */
const VERSION = "1";
const NONE = "-";
/** Longest prefix of a line. */
export const MAX_PREFIX_BYTES = 512;

const encoder = new TextEncoder();

/** A run as JSON, as clients get it (PROTOCOL 20.2). */
export function encodeRun(logId: string, run: ScannedRun): string {
  const cursorOf = (offset: number | null): string | null =>
    offset === null ? null : formatCursor({ log: "raw", logId, offset });
  const { runId, threadId, status, startedAtMs, endedAtMs, start, end, ...counted } = run;
  const { events, bytes, toolCalls, usage, error } = counted;
  return JSON.stringify({
    runId,
    threadId,
    status,
    startedAt: timeOf(startedAtMs),
    endedAt: timeOf(endedAtMs),
    startCursor: cursorOf(start),
    endCursor: cursorOf(end),
    events,
    bytes,
    toolCalls,
    usage,
    error,
  });
}

/** A line of the runs log: the prefix, a space, the run as JSON. */
export function encodeRow(prefix: RowPrefix, run: ScannedRun): Uint8Array<ArrayBuffer> {
  const { logId, start, number, from, to, left, total } = prefix;
  const tokens = total ? TOKEN_KINDS.map((kind) => total[kind] ?? NONE).join(",") : NONE;
  const words = [VERSION, logId, start, number, from, to, left, tokens];
  return encoder.encode(`${words.join(" ")} ${encodeRun(logId, run)}\n`);
}

/** The prefix of a line, or null if it is none of this version. `text` is the line's beginning. */
export function decodePrefix(text: string): RowPrefix | null {
  const [version, logId = "", ...rest] = text.split(" ", 8);
  const [tokens = "", ...others] = rest.toReversed();
  const [start, number, from, to, left] = others.toReversed().map(Number);
  const isWhole = [start, number, from, to, left].every(isOffset);
  if (version !== VERSION || !isLogId(logId) || !isWhole) return null;
  return {
    logId,
    start: start ?? 0,
    number: number ?? 0,
    from: from ?? 0,
    to: to ?? 0,
    left: left ?? 0,
    total: totalOf(tokens),
  };
}

/** Where in a line the run begins, by the bytes of its beginning. */
export function startOfRun(line: Uint8Array): number {
  return line.indexOf(0x7b);
}

function totalOf(tokens: string): TokenUsage | null {
  if (tokens === NONE) return null;
  const counts = tokens.split(",");
  return Object.fromEntries(
    TOKEN_KINDS.flatMap((kind, index) => {
      const count = Number(counts[index]);
      return isOffset(count) ? [[kind, count]] : [];
    }),
  );
}

function isOffset(value: number | undefined): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** A run of which nothing is known yet but its ids. */
export function unbegunRun(
  { runId, threadId }: Pick<ScannedRun, "runId" | "threadId">,
  status: "running" | "waiting",
): ScannedRun {
  return {
    runId,
    threadId,
    status,
    startedAtMs: null,
    endedAtMs: null,
    start: null,
    end: null,
    events: 0,
    bytes: 0,
    toolCalls: 0,
    usage: null,
    error: null,
  };
}
