import { RunlogError } from "../../src/ports/errors.ts";
import { createLogId, isLogId, logIdTime } from "../../src/ports/log-id.ts";
import { createLogNotes, type LogNotes, refusalOf } from "../../src/ports/log-notes.ts";
import { documentNaming } from "../../src/ports/naming-document.ts";
import { isReadableLabel, labelOf } from "../../src/stream/text/dns-label.ts";
import { MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES } from "../../src/ports/log-store.ts";
import type {
  AppendNote,
  CreateOptions,
  LogName,
  LogStat,
  ReadOptions,
  SessionKey,
} from "../../src/ports/log-store.ts";
import { createGrowingBytes } from "./growing-bytes.ts";
import type { GrowingBytes } from "./growing-bytes.ts";

/** One incarnation of a session: everything that `delete` removes. */
export interface SessionLog {
  readonly project: string;
  readonly session: string;
  readonly logId: string;
  readonly createdAtMs: number;
  readonly bytes: Readonly<Record<LogName, GrowingBytes>>;
  /** Data of the open runs by run id. */
  readonly marks: Map<string, string>;
  /** Bodies of runs that wait, by run id. */
  readonly bodies: Map<string, GrowingBytes>;
  head: Uint8Array | null;
  document: Uint8Array | null;
  readonly notes: LogNotes;
}

/** A new, empty incarnation of the session. Throws as `LogStore.create`. */
export function createSessionLog(
  { project, session }: SessionKey,
  nowMs: number,
  { logId = createLogId(nowMs), head = null, document: given = null }: CreateOptions = {},
): SessionLog {
  const document = namedDocument(session, given);
  if (!isLogId(logId)) throw new RunlogError("invalid-input", "This is no id of a log");
  checkHead(head);
  checkDocument(document);
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
    bodies: new Map(),
    head: head && head.slice(),
    document: document && document.slice(),
    notes: createLogNotes(),
  };
}

/** Throws `head-too-large`. */
export function checkHead(head: Uint8Array | null): void {
  if (head && head.length > MAX_HEAD_BYTES)
    throw new RunlogError("head-too-large", "The head is too large", { size: head.length });
}

/** Throws `document-too-large`. */
export function checkDocument(document: Uint8Array | null): void {
  if (document && document.length > MAX_DOCUMENT_BYTES)
    throw new RunlogError("document-too-large", "A document holds at most 256 KiB", {
      size: document.length,
    });
}

/** Throws `invalid-input` for a note that an append of so many bytes may not bring. */
export function checkNote(log: SessionLog, name: LogName, note: AppendNote, bytes: number): void {
  const refusal = refusalOf(note, bytes, name === "raw" ? log.notes : null);
  if (refusal) throw refusal;
}

/** The document as a store keeps it: it says the session's name where the label of that does not. */
export function namedDocument(session: string, document: Uint8Array | null): Uint8Array | null {
  return isReadableLabel(session) ? document : documentNaming(session, document);
}

/** The log as `LogStore.stat` returns it. */
export function statOf({ logId, createdAtMs, bytes, head, document, notes }: SessionLog): LogStat {
  const end = {
    raw: bytes.raw.length,
    compact: bytes.compact.length,
    edits: bytes.edits.length,
  };
  return { logId, createdAtMs, end, head, document, notes: notes.all() };
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

/** By project, then by the label of the session's name, in the order of their characters' codes. */
export function compareSessions(
  a: { readonly project: string; readonly session: string },
  b: { readonly project: string; readonly session: string },
): number {
  return compareText(a.project, b.project) || compareText(labelOf(a.session), labelOf(b.session));
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
