/**
 * What readers of a raw log get instead of some of its bytes: of a log that an older system left, or of
 * one of our own that a loss of power has damaged. Every edit keeps the length of
 * what it stands for, so that offsets, and with them cursors, mean the same in the stored bytes and in
 * the shown ones: JSON lets spaces stand between its tokens, and what a rewritten value leaves over is
 * spaces.
 *
 * The edits are a log of records of 40 bytes, which text tools can read as well:
 *
 *     kind(1) offset(13) length(10) text(15) LF
 *
 * - `e` the `length` bytes from `offset` on read as `text` and then spaces;
 * - `p` everything before `offset` of a legacy log has been looked at, and `length` malformed lines were
 *   found in it;
 * - `s` the same of a log of our own: what lies past `offset` may be damaged. `text` is as that of `d`;
 * - `d` everything before `offset` has been looked at, nothing else needs to be, and lines from the
 *   offset in `text` on are shown. An `s` comes after it when the machine goes down again.
 *
 * Edits do not overlap, and their offsets go back only where a write that a kill has cut short is made
 * again: to the same edits.
 */
export const RECORD_BYTES = 40;

const OFFSET_AT = 1;
const LENGTH_AT = 14;
export const TEXT_AT = 24;
/** Longest text of an edit: any epoch ms from year 0 to 9999. */
export const TEXT_BYTES = 15;

const EDIT = 0x65;
const PROGRESS = 0x70;
const SUSPECT = 0x73;
const DONE = 0x64;
const LF = 10;
const ZERO = 0x30;
const SPACE = 0x20;

/** How far a log has been looked at. */
export interface ScanMark {
  /** Whether that was all of it. */
  readonly isDone: boolean;
  /** Whether it is one of our own: malformed lines are left out of it, and nothing else is changed. */
  readonly isOwn: boolean;
  /** Everything before this offset of the raw log has been looked at. */
  readonly offset: number;
  /** Malformed lines among it; blank ones do not count. */
  readonly skippedLines: number;
  /** Where the first line begins that is shown; `offset` if there is none. Unknown while `p` is last. */
  readonly visibleFrom: number;
}

/** Records that are on their way to the store. */
export class OverlayRecords {
  #bytes = new Uint8Array(256 * RECORD_BYTES);
  #length = 0;

  /** Bytes that `take` would give. */
  get length(): number {
    return this.#length;
  }

  /** Has the `length` bytes from `offset` on read as `text` (at most 15 characters) and spaces. */
  addEdit(offset: number, length: number, text = ""): void {
    this.#add(EDIT, offset, length, text);
  }

  addMark({ isDone, isOwn, offset, skippedLines, visibleFrom }: ScanMark): void {
    const kind = isDone ? DONE : isOwn ? SUSPECT : PROGRESS;
    this.#add(kind, offset, skippedLines, kind === PROGRESS ? "" : String(visibleFrom));
  }

  /** The records so far, which are not here any more. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #add(kind: number, offset: number, length: number, text: string): void {
    if (this.#length === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    const record = this.#bytes;
    const at = this.#length;
    record[at] = kind;
    writeNumber(record, at + OFFSET_AT, at + LENGTH_AT, offset);
    writeNumber(record, at + LENGTH_AT, at + TEXT_AT, length);
    for (let i = 0; i < TEXT_BYTES; i++)
      record[at + TEXT_AT + i] = i < text.length ? text.charCodeAt(i) : SPACE;
    record[at + RECORD_BYTES - 1] = LF;
    this.#length += RECORD_BYTES;
  }
}

/** Offset of the record at `at`. */
export function offsetOf(records: Uint8Array, at: number): number {
  return readNumber(records, at + OFFSET_AT, at + LENGTH_AT);
}

/** Whether the record at `at` changes what is read. */
export function isEdit(records: Uint8Array, at: number): boolean {
  return records[at] === EDIT;
}

/** How many bytes the record at `at` is about; none, if it is no edit. */
export function lengthOf(records: Uint8Array, at: number): number {
  return isEdit(records, at) ? readNumber(records, at + LENGTH_AT, at + TEXT_AT) : 0;
}

/** The mark in the record at `at`, or null if that is an edit. */
export function markOf(records: Uint8Array, at: number): ScanMark | null {
  const kind = records[at];
  if (kind !== PROGRESS && kind !== SUSPECT && kind !== DONE) return null;
  const text = new TextDecoder().decode(records.subarray(at + TEXT_AT, at + TEXT_AT + TEXT_BYTES));
  return {
    isDone: kind === DONE,
    isOwn: kind === SUSPECT,
    offset: offsetOf(records, at),
    skippedLines: readNumber(records, at + LENGTH_AT, at + TEXT_AT),
    visibleFrom: Number(text),
  };
}

function writeNumber(bytes: Uint8Array, from: number, to: number, number: number): void {
  let rest = number;
  for (let at = to - 1; at >= from; at--) {
    const next = Math.floor(rest / 10);
    bytes[at] = ZERO + (rest - 10 * next);
    rest = next;
  }
}

function readNumber(bytes: Uint8Array, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) number = 10 * number + (bytes[at]! - ZERO);
  return number;
}
