import { createLogId, logIdTime } from "../../src/ports/log-id.ts";
import { createLogNotes, type LogNotes, refusalOf } from "../../src/ports/log-notes.ts";
import { firstValues } from "../../src/ports/log-values.ts";
import { labelled, labelOf } from "../../src/stream/text/dns-label.ts";
import type {
  AppendNote,
  CreateOptions,
  LogName,
  LogStat,
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
  options: CreateOptions = {},
): SessionLog {
  const { logId = createLogId(nowMs), ...values } = firstValues(labelled(session), options);
  return {
    project,
    session,
    logId,
    createdAtMs: logIdTime(logId),
    bytes: {
      raw: createGrowingBytes(),
      compact: createGrowingBytes(),
      edits: createGrowingBytes(),
      runs: createGrowingBytes(),
      keyframes: createGrowingBytes(),
      times: createGrowingBytes(),
    },
    marks: new Map(),
    bodies: new Map(),
    ...values,
    notes: createLogNotes(),
  };
}

/** Throws `invalid-input` for a note that an append of so many bytes may not bring. */
export function checkNote(log: SessionLog, name: LogName, note: AppendNote, bytes: number): void {
  const refusal = refusalOf(note, bytes, name === "raw" ? log.notes : null);
  if (refusal) throw refusal;
}

/** The log as `LogStore.stat` returns it. */
export function statOf({ logId, createdAtMs, bytes, head, document, notes }: SessionLog): LogStat {
  const end = {
    raw: bytes.raw.length,
    compact: bytes.compact.length,
    edits: bytes.edits.length,
    runs: bytes.runs.length,
    keyframes: bytes.keyframes.length,
    times: bytes.times.length,
  };
  return { logId, createdAtMs, end, head, document, notes: notes.all() };
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
