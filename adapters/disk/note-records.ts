import type { AppendNote, LogNote } from "../../src/ports/log-store.ts";
import { readSmallFile } from "./small-file.ts";

/** A note, and the bytes of the log that it belongs to. */
export interface NoteRecord extends AppendNote {
  readonly start: number;
  readonly end: number;
}

/** The notes of a log as they were found. */
export interface FoundNotes {
  readonly notes: readonly LogNote[];
  /** Where the log ends: before an append with a note of which a part was written. */
  readonly end: number;
  /** Bytes of the file that say nothing but `notes`. */
  readonly length: number;
  /** Whether there is more in the file. */
  readonly hasMore: boolean;
}

/** More than the file ever has. */
const MAX_BYTES = 16 * 1024 * 1024;
const RECORD = /^(\d{1,16}) (\d{1,16}) ([\w-]+) ([\w-]*) \.$/;
const encoder = new TextEncoder();

/** A line for each record: where its bytes begin and end, its key and its text, and a full stop. */
export function encodeNotes(records: readonly NoteRecord[]): Uint8Array<ArrayBuffer> {
  const lines = records.map(
    ({ start, end, key, text }) => `${start} ${end} ${encode(key)} ${encode(text)} .\n`,
  );
  return encoder.encode(lines.join(""));
}

/**
 * The notes beside a log that ends at `logEnd`. A record is written before its bytes, so that the first
 * one whose bytes are not all there is the last append that anything was written of.
 */
export async function readNotes(path: string, logEnd: number): Promise<FoundNotes> {
  const bytes = await readSmallFile(path, MAX_BYTES);
  const byKey = new Map<string, LogNote>();
  let length = 0;
  let end = logEnd;
  for (const line of new TextDecoder("latin1").decode(bytes ?? new Uint8Array(0)).split("\n")) {
    const record = decode(line);
    if (!record) break;
    if (record.end > logEnd) {
      end = Math.min(logEnd, record.start);
      break;
    }
    byKey.set(record.key, { key: record.key, text: record.text, end: record.end });
    length += line.length + 1;
  }
  return { notes: [...byKey.values()], end, length, hasMore: length < (bytes?.length ?? 0) };
}

function decode(line: string): NoteRecord | null {
  const [, start, end, key, text] = RECORD.exec(line) ?? [];
  if (start === undefined || end === undefined || key === undefined || text === undefined)
    return null;
  return { start: Number(start), end: Number(end), key: decodeText(key), text: decodeText(text) };
}

const encode = (text: string): string => Buffer.from(text, "utf8").toString("base64url");
const decodeText = (text: string): string => Buffer.from(text, "base64url").toString("utf8");
