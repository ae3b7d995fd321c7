import { RunlogError } from "../../ports/errors.ts";
import { isLogId } from "../../ports/log-id.ts";
import {
  LOG_NAMES,
  type LogName,
  type LogNote,
  type LogStat,
  type SessionKey,
} from "../../ports/log-store.ts";
import { decodeBase64, encodeBase64 } from "../../stream/bytes/base64.ts";
import { isObject, type JsonObject } from "../model/json-fields.ts";
import { isLabel } from "../../ports/label.ts";
import { isSessionName } from "../../ports/session-name.ts";

/** Bytes of a log in one gzip member: what has to be unpacked to read anywhere in it. */
export const MEMBER_BYTES: number = 4 * 1024 * 1024;

/** Bytes of a log in one object: what an interrupted archiving does again. A multiple of a member. */
export const SEGMENT_BYTES: number = 16 * MEMBER_BYTES;

/** A range of a log: one object, a sequence of gzip members. */
export interface ArchivedSegment {
  /** Offset in the log. */
  readonly start: number;
  /** Bytes of the log in it: `SEGMENT_BYTES`, or fewer in the last one. */
  readonly bytes: number;
  /** Packed bytes of each member; all hold `MEMBER_BYTES` of the log but the log's last one. */
  readonly members: readonly number[];
}

/** A log of an archived session. */
export interface ArchivedLog {
  readonly bytes: number;
  /** Of the log's bytes, unpacked: lower-case hex. */
  readonly sha256: string;
  /** One after the other, from 0 to `bytes`. */
  readonly segments: readonly ArchivedSegment[];
}

/**
 * The parts of a session that are packed: its logs, and the messages in an older format that came
 * with them.
 */
export type PackName = LogName | "messages";

export const PACK_NAMES: readonly PackName[] = [...LOG_NAMES, "messages"];

/** What an archive holds, and where: written last, so that an archive with a manifest is whole. */
export interface Manifest extends SessionKey {
  readonly logId: string;
  /** Epoch ms. */
  readonly archivedAtMs: number;
  readonly head: Uint8Array | null;
  readonly document: Uint8Array | null;
  /** The raw log's notes. */
  readonly notes: readonly LogNote[];
  readonly logs: Readonly<Record<LogName, ArchivedLog>>;
  /** Messages in an older format (`LegacyLogs.messages`), or null if none came with the logs. */
  readonly messages: ArchivedLog | null;
}

/** The packs that are in an archive so far. */
export type WrittenPacks = Readonly<Partial<Record<PackName, ArchivedLog>>>;

const FORMAT = 1;
/** More than the packed bytes of a member that cannot be compressed. */
const MOST_PACKED_BYTES = MEMBER_BYTES + 64 * 1024;

export const EMPTY_LOG: ArchivedLog = {
  bytes: 0,
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  segments: [],
};

/** Bytes of the object that holds a segment. */
export function packedBytes({ members }: ArchivedSegment): number {
  return members.reduce((sum, bytes) => sum + bytes, 0);
}

/** A log's bytes in the archive. */
export function storedBytes({ segments }: ArchivedLog): number {
  return segments.reduce((sum, segment) => sum + packedBytes(segment), 0);
}

/** A pack of the archived session; a missing one is empty. */
export function packOf({ logs, messages }: Manifest, name: PackName): ArchivedLog {
  return name === "messages" ? (messages ?? EMPTY_LOG) : logs[name];
}

/** All packs of an archive. */
export function packsOf(manifest: Manifest): WrittenPacks {
  const { logs, messages } = manifest;
  return messages ? { ...logs, messages } : logs;
}

/** All bytes of the archived session. */
export function totalBytes(manifest: Manifest): number {
  return PACK_NAMES.reduce((sum, name) => sum + packOf(manifest, name).bytes, 0);
}

/** Where each log of the archived session ends. */
export function endOf({ logs }: Manifest): Record<LogName, number> {
  return recordOfLogs((name) => logs[name].bytes);
}

/** Whether the archive holds all logs of `stat`; the document may be a newer one. */
export function holdsLogs(stat: LogStat, manifest: Manifest): boolean {
  const { logId, end, head, notes } = stat;
  return (
    logId === manifest.logId &&
    isSameNotes(notes, manifest.notes) &&
    LOG_NAMES.every((name) => end[name] === manifest.logs[name].bytes) &&
    isSame(head, manifest.head)
  );
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function isSameNotes(a: readonly LogNote[], b: readonly LogNote[]): boolean {
  const known = new Map(b.map((note) => [note.key, note]));
  return (
    a.length === b.length &&
    a.every(({ key, text, end }) => known.get(key)?.text === text && known.get(key)?.end === end)
  );
}

/** The manifest as JSON, one log's segments after the other. */
export function encodeManifest(manifest: Manifest): Uint8Array<ArrayBuffer> {
  const { head, document, archivedAtMs, ...rest } = manifest;
  const text = JSON.stringify({
    format: FORMAT,
    ...rest,
    archivedAt: new Date(archivedAtMs).toISOString(),
    memberBytes: MEMBER_BYTES,
    head: head && encodeBase64(head),
    document: document && encodeBase64(document),
  });
  return new TextEncoder().encode(`${text}\n`);
}

/**
 * Decodes a manifest. Throws `store-format` for one of another version and `archive-damaged` for an
 * invalid one: sizes are checked here, because memory is taken by them.
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!isObject(json)) throw damaged();
    if (json["format"] !== FORMAT || json["memberBytes"] !== MEMBER_BYTES)
      throw new RunlogError("store-format", "The archive was written by another version");
    const project = textField(json["project"], isLabel);
    const session = textField(json["session"], isSessionName);
    return {
      project,
      session,
      logId: textField(json["logId"], isLogId),
      archivedAtMs: Date.parse(
        textField(json["archivedAt"], (time) => !Number.isNaN(Date.parse(time))),
      ),
      head: json["head"] === null ? null : decodeBase64(textField(json["head"])),
      document: json["document"] === null ? null : decodeBase64(textField(json["document"])),
      notes: notesIn(json["notes"]),
      logs: logsOf(json["logs"]),
      messages: messagesOf(json["messages"]),
    };
  } catch (error) {
    if (error instanceof RunlogError) throw error;
    throw damaged(error);
  }
}

/** The draft as JSON: how far an archiving has come. */
export function encodeDraft({ messages, ...logs }: WrittenPacks): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify({ format: FORMAT, logs, messages })}\n`);
}

/** Decodes a draft; empty if this version cannot use it. */
export function decodeDraft(bytes: Uint8Array | null): WrittenPacks {
  try {
    const json = object(bytes && JSON.parse(new TextDecoder().decode(bytes)));
    if (json["format"] !== FORMAT) return {};
    const messages = messagesOf(json["messages"]);
    return { ...logsOf(json["logs"]), ...(messages && { messages }) };
  } catch {
    return {};
  }
}

/** A log that this version has and an older one had not is empty. */
function logsOf(value: unknown): Record<LogName, ArchivedLog> {
  const logs = object(value);
  return recordOfLogs((name) => (logs[name] === undefined ? EMPTY_LOG : logOf(logs[name])));
}

/** An archive that was made before messages were archived has none. */
function messagesOf(value: unknown): ArchivedLog | null {
  return value === undefined || value === null ? null : logOf(value);
}

/** Notes in JSON; an archive or a stub that was made before there were notes has none. Throws `archive-damaged`. */
export function notesIn(value: unknown): LogNote[] {
  return array(value ?? []).map((item) => {
    const { key, text, end } = object(item);
    return {
      key: textField(key),
      text: textField(text),
      end: size(end, Number.MAX_SAFE_INTEGER),
    };
  });
}

/** A record with an entry for every log. */
export function recordOfLogs<T>(make: (name: LogName) => T): Record<LogName, T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an entry for each name
  return Object.fromEntries(LOG_NAMES.map((name) => [name, make(name)])) as Record<LogName, T>;
}

function logOf(value: unknown): ArchivedLog {
  const { bytes, sha256, segments } = object(value);
  let at = 0;
  const read = array(segments).map((item): ArchivedSegment => {
    const segment = object(item);
    const start = at;
    const length = size(segment["bytes"], SEGMENT_BYTES);
    const members = array(segment["members"]).map((packed) => size(packed, MOST_PACKED_BYTES));
    const isWhole = members.length === Math.ceil(length / MEMBER_BYTES) && length > 0;
    if (segment["start"] !== start || !isWhole || start % SEGMENT_BYTES !== 0) throw damaged();
    at += length;
    return { start, bytes: length, members };
  });
  if (bytes !== at) throw damaged();
  return {
    bytes: at,
    sha256: textField(sha256, (hex) => /^[0-9a-f]{64}$/.test(hex)),
    segments: read,
  };
}

function object(value: unknown): JsonObject {
  if (!isObject(value)) throw damaged();
  return value;
}

function array(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged();
  return value;
}

function size(value: unknown, most: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > most)
    throw damaged();
  return value;
}

function textField(value: unknown, accepts: (text: string) => boolean = () => true): string {
  if (typeof value !== "string" || !accepts(value)) throw damaged();
  return value;
}

function damaged(cause?: unknown): RunlogError {
  return new RunlogError("archive-damaged", "The archive's manifest is damaged", { cause });
}
