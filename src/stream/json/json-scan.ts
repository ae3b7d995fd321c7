/* oxlint-disable max-lines -- one state machine, whose states share their variables */
import { numberAfter, NUMBER_START, numberMayEnd } from "./json-number.ts";
import { type CapturedValues, KnownBeginnings } from "./known-beginnings.ts";
import { type MemberPlace, MemberPlaceFinder } from "./member-place.ts";
import { sameBytes, StringCache } from "../bytes/string-cache.ts";

/** Deepest nesting of objects and arrays that is accepted. Deeper text is refused as malformed. */
export const MAX_JSON_DEPTH = 1000;

/** Longest key and longest value that is captured, in bytes of UTF-8 with escapes decoded. */
export const MAX_CAPTURE_BYTES = 256;

/** A character takes at most six bytes for each of its decoded bytes: `\u0041` is `A`. */
const MAX_RAW_BYTES = 6 * MAX_CAPTURE_BYTES;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

// What may come next. The states from STRING on are inside a token, where space has no meaning.
const OBJECT = 0;
const FIRST_KEY = 1;
const KEY = 2;
const AFTER_KEY = 3;
const FIRST_ELEMENT = 4;
const VALUE = 5;
const AFTER_VALUE = 6;
const END = 7;
const INVALID = 8;
const STRING = 9;
const LITERAL = 10;
const NUMBER = 11;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes that stand for themselves in a string: 1. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH ? 0 : 1,
);
/** After a backslash: 1 is a whole escape, 5 is the `u` of one with four more digits. */
const ESCAPES = new Uint8Array(256);
for (const byte of encoder.encode('"\\/bfnrt')) ESCAPES[byte] = 1;
ESCAPES[0x75] = 5;

const LITERALS: readonly (Uint8Array | undefined)[] = ["true", "false", "null"].reduce<
  Uint8Array[]
>((table, word) => {
  table[word.charCodeAt(0)] = encoder.encode(word);
  return table;
}, []);

/**
 * Checks that bytes are one JSON object (RFC 8259, nothing more lenient) and reads some of its
 * top-level strings while they pass, and strings of objects that are members of it. The text comes
 * in pieces that break anywhere; memory does not depend on its length. UTF-8 is not checked:
 * `Utf8Repair` does that.
 *
 * For each wanted key the last member of that name counts, as with `JSON.parse`. Escapes are
 * decoded, in keys too.
 */
export class JsonObjectScanner {
  readonly #keys: readonly string[];
  /**
   * For each key the member that is looked for at the top level, and for a path the member within
   * that.
   */
  readonly #names: readonly string[];
  readonly #innerNames: readonly (string | undefined)[];
  readonly #keyBytes: readonly Uint8Array[];
  /** What nothing was captured of. */
  readonly #none: CapturedValues;
  /** Shared with places of `#known` while `#ownValues` is null, else the same as it. */
  #values: CapturedValues;
  #ownValues: (string | null)[] | null = null;
  /** Index of the key whose place is noted, or -1. */
  readonly #located: number;
  readonly #cache = new StringCache();
  readonly #known = new KnownBeginnings();
  /** Whether nothing of the text has come. */
  #isNew = true;

  #state = OBJECT;
  /** For each open container, whether it is an object. */
  readonly #isObject = new Uint8Array(MAX_JSON_DEPTH + 1);
  #depth = 0;

  #isKey = false;
  /** Whether the open string is captured, and where in the current piece it (or its rest) begins. */
  #isCaptured = false;
  #captureFrom = 0;
  /** What earlier pieces held of a captured string; one byte more than fits means too long. */
  readonly #carried = new Uint8Array(MAX_RAW_BYTES + 1);
  #carriedLength = 0;
  #isEscaped = false;
  /** Bytes that the open escape still needs. */
  #escapeLeft = 0;
  /** Index of the wanted key whose value comes, or -1. */
  #wanted = -1;
  /** Index of the path whose object is open at the top level, or -1. */
  #within = -1;

  /** What to add to an index of the current piece to have a position in the text. */
  #base = 0;
  readonly #finder = new MemberPlaceFinder();

  #literal: Uint8Array | undefined = undefined;
  #literalAt = 0;
  #number = NUMBER_START;

  /**
   * @param keys names of the members to capture, at most `MAX_CAPTURE_BYTES` long each; `a.b` is the
   *   member `b` of the object `a`. No two begin with the same member.
   * @param located the one among them whose `place` is wanted.
   */
  constructor(keys: readonly string[], located?: string) {
    this.#keys = keys;
    this.#located = located === undefined ? -1 : keys.indexOf(located);
    this.#names = keys.map((key) => key.split(".")[0] ?? "");
    this.#innerNames = keys.map((key) => key.split(".")[1]);
    this.#keyBytes = this.#names.map((name) => encoder.encode(name));
    this.#none = keys.map(() => null);
    this.#values = this.#none;
  }

  /** Forgets the text so far; the next piece is the first of another text. */
  reset(): void {
    this.#state = OBJECT;
    this.#depth = 0;
    this.#wanted = -1;
    this.#within = -1;
    this.#values = this.#none;
    this.#ownValues = null;
    this.#isNew = true;
    this.#base = 0;
    this.#finder.reset();
  }

  /** Takes the bytes from `from` up to `to`. False once the text cannot become valid any more. */
  push(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#state === STRING) this.#captureFrom = from;
    this.#base -= from;
    let at = this.#isNew && from < to ? this.#begin(bytes, from, to) : from;
    while (at < to) {
      if (this.#state >= STRING) {
        at = this.#token(bytes, at, to);
        continue;
      }
      const byte = bytes[at]!;
      if (byte <= 0x20 && (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)) {
        at++;
        continue;
      }
      if (this.#state === INVALID) break;
      at = this.#structure(byte, at);
    }
    if (this.#known.isLearning) this.#known.end(bytes, from);
    if (this.#state === STRING && this.#isCaptured) this.#carry(bytes, this.#captureFrom, to);
    this.#base += to;
    return this.#state !== INVALID;
  }

  /** Whether the pieces since `reset` are one complete valid object. */
  end(): boolean {
    return this.#state === END;
  }

  /**
   * What `value` gives, in the order of the keys. As long as it is the same array, all of them are the same; it never
   * changes. Only after `end` returned true.
   */
  get values(): CapturedValues {
    return this.#values;
  }

  /**
   * The string of the wanted member `key`; null when it is missing, no string or too long. Only
   * after `end` returned true.
   */
  value(key: string): string | null {
    return this.#values[this.#keys.indexOf(key)] ?? null;
  }

  /**
   * Where the located member lies, however long its string is; null where it is missing or no
   * string. Only after `end` returned true.
   */
  place(): MemberPlace | null {
    return this.#finder.place;
  }

  /** Goes on where what is known of the text's beginning ends. Returns where that is. */
  #begin(bytes: Uint8Array, from: number, to: number): number {
    this.#isNew = false;
    // where the located member lies is not known of what is not read
    if (this.#located >= 0) return from;
    const place = this.#known.find(bytes, from, to);
    if (place === null) return from;
    this.#state = VALUE;
    this.#depth = 1;
    this.#isObject[1] = 1;
    this.#values = place.values;
    return from + place.length;
  }

  #setValue(index: number, value: string | null): void {
    if (this.#values[index] === value) return;
    if (this.#ownValues === null) {
      this.#ownValues = [...this.#values];
      this.#values = this.#ownValues;
    }
    this.#ownValues[index] = value;
  }

  /** One byte outside of strings, numbers and literals. Returns where to go on. */
  #structure(byte: number, at: number): number {
    switch (this.#state) {
      case KEY:
      case FIRST_KEY:
        if (byte === QUOTE) {
          if (this.#depth === 1) this.#finder.key(this.#base + at);
          const isCaptured = this.#depth === 1 || (this.#depth === 2 && this.#within >= 0);
          return this.#openString(true, isCaptured, at);
        }
        if (byte === CLOSE_BRACE && this.#state === FIRST_KEY) return this.#close(1, at);
        return this.#fail(at);
      case AFTER_KEY:
        this.#state = byte === COLON ? VALUE : INVALID;
        if (this.#known.isLearning && this.#depth === 1 && this.#wanted < 0 && byte === COLON) {
          this.#known.add({ length: this.#base + at + 1, values: this.#values });
          this.#ownValues = null;
        }
        return at + 1;
      case AFTER_VALUE:
        if (byte === COMMA) {
          if (this.#depth === 1) this.#finder.comma(this.#base + at);
          this.#state = this.#isObject[this.#depth] === 1 ? KEY : VALUE;
          return at + 1;
        }
        if (byte === CLOSE_BRACE) return this.#close(1, at);
        if (byte === CLOSE_BRACKET) return this.#close(0, at);
        return this.#fail(at);
      case FIRST_ELEMENT:
        if (byte === CLOSE_BRACKET) return this.#close(0, at);
        return this.#openValue(byte, at);
      case VALUE:
        return this.#openValue(byte, at);
      case OBJECT:
        return byte === OPEN_BRACE ? this.#open(1, at) : this.#fail(at);
      default:
        return this.#fail(at);
    }
  }

  #openValue(byte: number, at: number): number {
    switch (byte) {
      case QUOTE:
        if (this.#depth === 1 && this.#innerNames[this.#wanted] !== undefined) this.#wanted = -1;
        if (this.#depth === 1 && this.#wanted >= 0) this.#finder.value(this.#base + at);
        return this.#openString(false, this.#wanted >= 0, at);
      case OPEN_BRACE:
        return this.#open(1, at);
      case OPEN_BRACKET:
        return this.#open(0, at);
      default:
        this.#wanted = -1;
        this.#literal = LITERALS[byte];
        this.#literalAt = 0;
        this.#number = NUMBER_START;
        this.#state = this.#literal ? LITERAL : NUMBER;
        // the token looks at its first byte again; only the sign is no state of its own
        return byte === MINUS ? at + 1 : at;
    }
  }

  #open(isObject: 0 | 1, at: number): number {
    if (this.#depth === MAX_JSON_DEPTH) return this.#fail(at);
    this.#isObject[++this.#depth] = isObject;
    if (this.#depth === 2) {
      const isPath = isObject === 1 && this.#innerNames[this.#wanted] !== undefined;
      this.#within = isPath ? this.#wanted : -1;
    }
    this.#wanted = -1;
    this.#state = isObject ? FIRST_KEY : FIRST_ELEMENT;
    return at + 1;
  }

  #close(isObject: 0 | 1, at: number): number {
    if (this.#isObject[this.#depth] !== isObject) return this.#fail(at);
    this.#depth--;
    this.#state = this.#depth === 0 ? END : AFTER_VALUE;
    return at + 1;
  }

  #fail(at: number): number {
    this.#state = INVALID;
    return at + 1;
  }

  #token(bytes: Uint8Array, at: number, to: number): number {
    if (this.#state === STRING) return this.#string(bytes, at, to);
    return this.#state === NUMBER ? this.#digits(bytes, at, to) : this.#word(bytes, at, to);
  }

  #openString(isKey: boolean, isCaptured: boolean, at: number): number {
    this.#state = STRING;
    this.#isKey = isKey;
    this.#isCaptured = isCaptured;
    this.#isEscaped = false;
    this.#escapeLeft = 0;
    this.#captureFrom = at + 1;
    this.#carriedLength = 0;
    return at + 1;
  }

  #string(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to) {
      if (this.#escapeLeft > 0) {
        if (!this.#escape(bytes[at]!)) return this.#fail(at);
        at++;
        continue;
      }
      while (at < to && PLAIN[bytes[at]!] === 1) at++;
      if (at === to) break;
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.#closeString(bytes, at);
        return at + 1;
      }
      if (byte !== BACKSLASH) return this.#fail(at);
      this.#isEscaped = true;
      this.#escapeLeft = 5;
      at++;
    }
    return to;
  }

  /** One byte after a backslash. False if it does not belong there. */
  #escape(byte: number): boolean {
    if (this.#escapeLeft === 5) {
      const length = ESCAPES[byte]!;
      this.#escapeLeft = length - 1;
      return length > 0;
    }
    this.#escapeLeft--;
    const letter = byte | 0x20;
    return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
  }

  #closeString(bytes: Uint8Array, at: number): void {
    this.#state = this.#isKey ? AFTER_KEY : AFTER_VALUE;
    if (!this.#isCaptured) return;
    let text = bytes;
    let from = this.#captureFrom;
    let to = at;
    if (this.#carriedLength > 0) {
      this.#carry(bytes, from, at);
      text = this.#carried;
      from = 0;
      to = this.#carriedLength;
    }
    if (this.#isKey) {
      if (this.#depth === 2) this.#wanted = this.#findWithin(text, from, to);
      else
        this.#wanted = this.#isEscaped
          ? this.#names.indexOf(decodeEscaped(text, from, to) ?? "")
          : this.#find(text, from, to);
      if (this.#wanted >= 0) this.#setValue(this.#wanted, null);
      if (this.#wanted === this.#located) this.#finder.again();
      return;
    }
    if (this.#wanted === this.#located) this.#finder.found(this.#base + at + 1);
    if (this.#isEscaped) this.#setValue(this.#wanted, decodeEscaped(text, from, to));
    else if (to - from <= MAX_CAPTURE_BYTES)
      this.#setValue(this.#wanted, this.#cache.decode(text, from, to));
    this.#wanted = -1;
  }

  /** Keeps a part of a captured string for the next piece, as far as it can matter. */
  #carry(bytes: Uint8Array, from: number, to: number): void {
    const room = this.#carried.length - this.#carriedLength;
    const part = bytes.subarray(from, Math.min(to, from + room));
    this.#carried.set(part, this.#carriedLength);
    this.#carriedLength += part.length;
  }

  #find(bytes: Uint8Array, from: number, to: number): number {
    for (let index = 0; index < this.#keyBytes.length; index++)
      if (sameBytes(this.#keyBytes[index]!, bytes, from, to)) return index;
    return -1;
  }

  /** The path that is open, if this is the name of its member. */
  #findWithin(bytes: Uint8Array, from: number, to: number): number {
    return decodeEscaped(bytes, from, to) === this.#innerNames[this.#within] ? this.#within : -1;
  }

  #word(bytes: Uint8Array, from: number, to: number): number {
    const literal = this.#literal!;
    let at = from;
    while (at < to && this.#literalAt < literal.length)
      if (bytes[at++] !== literal[this.#literalAt++]) return this.#fail(at);
    if (this.#literalAt === literal.length) this.#state = AFTER_VALUE;
    return at;
  }

  #digits(bytes: Uint8Array, from: number, to: number): number {
    let number = this.#number;
    for (let at = from; at < to; at++) {
      const next = numberAfter(number, bytes[at]!);
      if (next < 0) {
        if (!numberMayEnd(number)) return this.#fail(at);
        this.#state = AFTER_VALUE;
        return at;
      }
      number = next;
    }
    this.#number = number;
    return to;
  }
}

/** Whether a string is captured, and not too long for that. */
export function fitsCapture(text: string): boolean {
  // no character takes more than three bytes for each of its units
  if (text.length * 3 <= MAX_CAPTURE_BYTES) return true;
  return text.length <= MAX_CAPTURE_BYTES && encoder.encode(text).length <= MAX_CAPTURE_BYTES;
}

/** The string with its escapes decoded, or null if it is longer than is captured. */
function decodeEscaped(bytes: Uint8Array, from: number, to: number): string | null {
  if (to - from > MAX_RAW_BYTES) return null;
  const text = String(JSON.parse(`"${decoder.decode(bytes.subarray(from, to))}"`));
  return encoder.encode(text).length > MAX_CAPTURE_BYTES ? null : text;
}
