import type { ByteRange } from "../model/byte-range.ts";
import type { EventLine } from "./event-line.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const SIMPLE_ESCAPES: ReadonlySet<number> = new Set(
  Array.from('"\\/bfnrt', (letter) => letter.charCodeAt(0)),
);

/** A part of a line that may differ: the inside of a string, or a whole number. */
interface Hole extends ByteRange {
  readonly isText: boolean;
}

/**
 * A valid line of which only the text and the time may change. Most deltas equal the one before in
 * everything else, and comparing is several times as fast as parsing (measured); a line that
 * matches is as valid as the line that the template was made of.
 */
export class LineTemplate {
  readonly #line: Uint8Array;
  readonly #holes: readonly Hole[];
  /** Where the text of the line that matched last begins and ends, without its quotes. */
  textStart = 0;
  textEnd = 0;

  /** @param line a valid line, @param body where its text is, quotes included. */
  constructor(line: EventLine, body: ByteRange) {
    const { bytes, start, end, timestamp } = line;
    this.#line = bytes.slice(start, end);
    const holes = [{ start: body.start + 1 - start, end: body.end - 1 - start, isText: true }];
    if (timestamp && skipNumber(bytes, timestamp.start, timestamp.end) === timestamp.end)
      holes.push({ start: timestamp.start - start, end: timestamp.end - start, isText: false });
    this.#holes = holes.sort((a, b) => a.start - b.start);
  }

  /** Whether the line from `start` up to its LF at `end` matches. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    const line = this.#line;
    let own = 0;
    let at = start;
    for (const hole of this.#holes) {
      // a template contains no LF, so that this ends at the line's end at the latest
      while (own < hole.start) if (bytes[at++] !== line[own++]) return false;
      const after = hole.isText ? skipText(bytes, at, end) : skipNumber(bytes, at, end);
      if (after === -1) return false;
      if (hole.isText) {
        this.textStart = at;
        this.textEnd = after;
      }
      at = after;
      own = hole.end;
    }
    while (own < line.length) if (bytes[at++] !== line[own++]) return false;
    return at === end;
  }
}

/** Where the inside of a string that begins at `from` ends, or -1 if it is not valid. */
function skipText(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at;
    if (byte < 0x20) return -1;
    if (byte !== BACKSLASH) continue;
    const next = bytes[++at]!;
    if (SIMPLE_ESCAPES.has(next)) continue;
    if (next !== LETTER_U) return -1;
    for (let digits = 4; digits > 0; digits--) if (!isHexDigit(bytes[++at]!)) return -1;
  }
  return -1;
}

/** Where a whole number without sign that begins at `from` ends, or -1 if there is none. */
function skipNumber(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && isDigit(bytes[at]!)) at++;
  // no number begins with a zero but zero itself
  return at === from || (bytes[from] === 0x30 && at > from + 1) ? -1 : at;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number): boolean {
  const letter = byte | 0x20;
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x66);
}
