import { RunlogError } from "../../ports/errors.ts";
import { isLogId } from "../../ports/log-id.ts";
import { LOG_NAMES, type LogNote, type LogStat, MAX_HEAD_BYTES } from "../../ports/log-store.ts";
import { isObject } from "../model/json-fields.ts";
import { notesIn, recordOfLogs } from "./manifest.ts";

/**
 * The stub of an archived session: its log's head in the store, with the ends of its logs and its
 * real head, so that lists ask no archive. As long as a log has such a head its bytes are in the
 * archive, and bytes in the store are ignored. Replacing it by the real head is the one step that
 * makes a restored session available.
 */
export interface Stub {
  /**
   * The id of the archived log. The store may have given the stub another one: after a reboot
   * during a restore.
   */
  readonly logId: string;
  readonly end: LogStat["end"];
  /** `in-archive` when there was no room for it. */
  readonly head: Uint8Array | null | "in-archive";
  /** The raw log's notes. */
  readonly notes: readonly LogNote[];
}

/** The head of a restored log that has none, since a head cannot be removed. */
export const NO_HEAD: Uint8Array = new TextEncoder().encode("runlog:no-head\n");

const MAGIC = "runlog:archived ";
const LF = 10;
/** Only heads that are written here begin so: a session's head is JSON. */
const PREFIX = new TextEncoder().encode("runlog:");

type StubbedLog = Pick<LogStat, "logId" | "end" | "head" | "notes">;

/** Encodes the head of a stub. */
export function encodeStub({ logId, end, head, notes }: StubbedLog): Uint8Array {
  const encoder = new TextEncoder();
  const lineOf = (headIs: "none" | "here" | "in-archive"): Uint8Array =>
    encoder.encode(
      `${MAGIC}${JSON.stringify({ logId, end, head: headIs, ...(notes.length > 0 && { notes }) })}\n`,
    );
  if (head === null) return lineOf("none");
  const line = lineOf("here");
  if (line.length + head.length > MAX_HEAD_BYTES) return lineOf("in-archive");
  const stub = new Uint8Array(line.length + head.length);
  stub.set(line);
  stub.set(head, line.length);
  return stub;
}

/** Decodes a stub; null for any other head. Throws `store-failed` for a damaged one. */
export function decodeStub(head: Uint8Array | null): Stub | null {
  if (!head || !startsWith(head, PREFIX)) return null;
  const lineEnd = head.indexOf(LF);
  const line = new TextDecoder().decode(head.subarray(0, lineEnd));
  if (!line.startsWith(MAGIC)) return null;
  const stub = readLine(line.slice(MAGIC.length));
  if (!stub)
    throw new RunlogError("store-failed", "What stands for an archived session is damaged");
  const { logId, end, head: headIs } = stub;
  const notes = notesIn(stub.notes);
  if (headIs === "in-archive") return { logId, end, head: headIs, notes };
  return { logId, end, head: headIs === "none" ? null : head.slice(lineEnd + 1), notes };
}

interface StubLine {
  readonly logId: string;
  readonly end: Readonly<Partial<LogStat["end"]>>;
  readonly head: string;
  readonly notes?: unknown;
}

function readLine(text: string): (StubLine & Pick<LogStat, "end">) | null {
  try {
    const json: unknown = JSON.parse(text);
    if (!isStubLine(json)) return null;
    return { ...json, end: recordOfLogs((log) => json.end[log] ?? 0) };
  } catch {
    return null;
  }
}

function isStubLine(json: unknown): json is StubLine {
  if (!isObject(json)) return false;
  const { logId, end, head } = json;
  const isWhole = typeof logId === "string" && isLogId(logId) && typeof head === "string";
  return isWhole && isObject(end) && LOG_NAMES.every((log) => isEnd(end[log]));
}

/** A stub that was made before there was such a log does not name its end. */
function isEnd(value: unknown): boolean {
  return value === undefined || Number.isSafeInteger(value);
}

/** The stat of a log whose bytes are here; `NO_HEAD` becomes null. */
export function asIfNew(stat: LogStat): LogStat {
  return stat.head && startsWith(stat.head, NO_HEAD) ? { ...stat, head: null } : stat;
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}
