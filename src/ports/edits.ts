/**
 * The overlay of a raw log: what its readers get in place of some of its bytes. A log has one if an
 * older system wrote it, or if a loss of power damaged it. Every edit has the length of the bytes
 * that it replaces, so that offsets, and with them cursors, mean the same in the stored and in the
 * visible bytes. JSON allows spaces between its tokens: whatever a rewritten value does not fill
 * becomes spaces.
 *
 * The overlay is the edits log, a log of records of 40 bytes, which text tools can read as well:
 *
 *     kind(1) offset(13) length(10) text(15) LF
 *
 * - `e` an edit: the `length` bytes from `offset` on read as `text` and then spaces;
 * - `p` everything before `offset` of a legacy log has been scanned, and `length` malformed lines
 *   were found in it;
 * - `s` the same of a log of our own: what lies after `offset` may be damaged. `text` is as that of
 *   `d`;
 * - `d` everything before `offset` has been scanned, nothing else needs to be, and lines from the
 *   offset in `text` on are visible. An `s` comes after it when the machine goes down again.
 *
 * Edits do not overlap. Their offsets go back only where a write that a kill has cut short is made
 * again, with the same edits.
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

/** How far a log has been scanned. */
export interface ScanMark {
  /** Whether the whole log has been scanned. */
  readonly isDone: boolean;
  /**
   * Whether the log is one of our own: malformed lines are left out of it, and nothing else is
   * changed.
   */
  readonly isOwn: boolean;
  /** Everything before this offset of the raw log has been scanned. */
  readonly offset: number;
  /** Malformed lines before `offset`; blank ones do not count. */
  readonly skippedLines: number;
  /** Where the first visible line begins; `offset` if there is none. Unknown while `p` is last. */
  readonly visibleFrom: number;
}

/** Records to be appended to the edits log. */
export class OverlayRecords {
  #bytes = new Uint8Array(256 * RECORD_BYTES);
  #length = 0;

  /** Length in bytes of what `take` returns. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds an edit: the `length` bytes from `offset` on read as `text` (at most 15 characters) and
   * spaces.
   */
  addEdit(offset: number, length: number, text = ""): void {
    this.#add(EDIT, offset, length, text);
  }

  addMark({ isDone, isOwn, offset, skippedLines, visibleFrom }: ScanMark): void {
    const kind = isDone ? DONE : isOwn ? SUSPECT : PROGRESS;
    this.#add(kind, offset, skippedLines, kind === PROGRESS ? "" : String(visibleFrom));
  }

  /** Returns the records added since the last call, and forgets them. */
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

/** Whether the record at `at` is one. */
export function isRecord(records: Uint8Array, at: number): boolean {
  const text = new TextDecoder().decode(records.subarray(at, at + RECORD_BYTES));
  return /^[epsd]\d{23}[^\n]{15}\n$/.test(text);
}

/** Offset of the record at `at`. */
export function offsetOf(records: Uint8Array, at: number): number {
  return readNumber(records, at + OFFSET_AT, at + LENGTH_AT);
}

/** Whether the record at `at` changes what is read. */
export function isEdit(records: Uint8Array, at: number): boolean {
  return records[at] === EDIT;
}

/** The length of the edit in the record at `at`; 0 for a mark. */
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
