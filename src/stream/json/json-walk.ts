const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Bytes of a value that are skipped in one part: some 5 ms. */
const PART_BYTES = 1024 * 1024;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

/** Where a value lies: from its first byte up to, not including, `end`. */
export interface JsonRange {
  readonly start: number;
  readonly end: number;
}

/** One member of an object. */
export interface JsonMember {
  /** The name, escapes decoded. */
  readonly key: string;
  /** Where the name's opening quote is. */
  readonly keyStart: number;
  /** First byte of the value. */
  readonly valueStart: number;
  /** One past the value's last byte. */
  readonly valueEnd: number;
}

// These functions walk over JSON that is known to be valid (`JsonObjectScanner`). On anything else
// they still end, never read beyond the array, and what they return means nothing.

/** The next position at or after `at` that is no white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let next = at;
  while (next < bytes.length && isSpace(bytes[next]!)) next++;
  return next;
}

/** One past the value that begins at `at` or after white space there. Any depth of nesting. */
export function skipValue(bytes: Uint8Array, at: number): number {
  const place = { next: skipSpace(bytes, at), depth: 0 };
  skipOn(bytes, place, bytes.length);
  return place.next;
}

/** The kind of the value at `at` or after white space there. */
export function kindAt(bytes: Uint8Array, at: number): JsonKind {
  switch (bytes[skipSpace(bytes, at)]) {
    case OPEN_BRACE:
      return "object";
    case OPEN_BRACKET:
      return "array";
    case QUOTE:
      return "string";
    case 0x74: // t
    case 0x66: // f
      return "boolean";
    case 0x6e: // n
      return "null";
    default:
      return "number";
  }
}

/**
 * The members of the object at `at`, in their order, doubled names included. Throws TypeError if
 * there is no object.
 */
export function* members(bytes: Uint8Array, at: number): Generator<JsonMember, void, undefined> {
  let next = enter(bytes, at, OPEN_BRACE, "object");
  while (bytes[next] === QUOTE) {
    const { keyStart, keyEnd, valueStart } = memberAt(bytes, next);
    const valueEnd = skipValue(bytes, valueStart);
    yield { key: decodeString(bytes, keyStart, keyEnd), keyStart, valueStart, valueEnd };
    next = skipComma(bytes, valueEnd);
  }
}

/**
 * As `members`, with null where other tasks should have a turn of the event loop: for large values.
 */
export function* membersInParts(
  bytes: Uint8Array,
  at: number,
): Generator<JsonMember | null, void, undefined> {
  let next = enter(bytes, at, OPEN_BRACE, "object");
  while (bytes[next] === QUOTE) {
    const { keyStart, keyEnd, valueStart } = memberAt(bytes, next);
    const valueEnd = yield* skipInParts(bytes, valueStart);
    yield { key: decodeString(bytes, keyStart, keyEnd), keyStart, valueStart, valueEnd };
    next = skipComma(bytes, valueEnd);
  }
}

/** The elements of the array at `at`, in their order. Throws TypeError if there is no array. */
export function* elements(bytes: Uint8Array, at: number): Generator<JsonRange, void, undefined> {
  let start = enter(bytes, at, OPEN_BRACKET, "array");
  while (start < bytes.length && bytes[start] !== CLOSE_BRACKET) {
    const end = skipValue(bytes, start);
    yield { start, end };
    start = skipComma(bytes, end);
  }
}

/**
 * As `elements`, with null where other tasks should have a turn of the event loop: for large
 * values.
 */
export function* elementsInParts(
  bytes: Uint8Array,
  at: number,
): Generator<JsonRange | null, void, undefined> {
  let start = enter(bytes, at, OPEN_BRACKET, "array");
  while (start < bytes.length && bytes[start] !== CLOSE_BRACKET) {
    const end = yield* skipInParts(bytes, start);
    yield { start, end };
    start = skipComma(bytes, end);
  }
}

/**
 * How many values there are from `start` to `end`, nested ones included, or `limit` if it is not fewer.
 * An empty object or array counts twice.
 */
export function countValues(bytes: Uint8Array, { start, end }: JsonRange, limit: number): number {
  let count = 1;
  let next = start;
  while (next < end && count < limit) {
    const byte = bytes[next]!;
    if (byte === QUOTE) next = skipString(bytes, next);
    else {
      next++;
      if (byte === COMMA || byte === OPEN_BRACE || byte === OPEN_BRACKET) count++;
    }
  }
  return count;
}

/**
 * Whether a value has an object of more than `maxMembers` in it, or more than `maxValues` values, an
 * empty object or array counted twice. Yields whenever others should have a turn.
 */
export function* isManyInParts(
  value: Uint8Array,
  { maxMembers, maxValues }: { readonly maxMembers: number; readonly maxValues: number },
): Generator<void, boolean, undefined> {
  /** Of each container that is open, how many members it has; lists have none. */
  const open: number[] = [];
  let own = 0;
  let values = 1;
  let until = PART_BYTES;
  for (let next = 0; next < value.length;) {
    const byte = value[next]!;
    if (byte === QUOTE) next = skipString(value, next);
    else {
      next++;
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        open.push(own);
        own = byte === OPEN_BRACE ? 1 : -Infinity;
        values++;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) own = open.pop() ?? 0;
      else if (byte === COMMA) {
        own++;
        values++;
      }
      if (own > maxMembers || values > maxValues) return true;
    }
    if (next < until) continue;
    until = next + PART_BYTES;
    yield;
  }
  return false;
}

function memberAt(
  bytes: Uint8Array,
  keyStart: number,
): { readonly keyStart: number; readonly keyEnd: number; readonly valueStart: number } {
  const keyEnd = skipString(bytes, keyStart);
  const next = skipSpace(bytes, keyEnd);
  const valueStart = skipSpace(bytes, bytes[next] === COLON ? next + 1 : next);
  return { keyStart, keyEnd, valueStart };
}

/** How far a value has been skipped, and in how many containers of it that is. */
interface SkipPlace {
  next: number;
  depth: number;
}

/** Skips to the end of a value, or to a token at or after `until` in it. */
function skipOn(bytes: Uint8Array, place: SkipPlace, until: number): void {
  let { next, depth } = place;
  while (next < until) {
    const byte = bytes[next]!;
    if (byte === QUOTE) next = skipString(bytes, next);
    else {
      next++;
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
      else if (depth === 0) next = skipScalar(bytes, next);
    }
    if (depth <= 0) break;
  }
  place.next = next;
  place.depth = depth;
}

function* skipInParts(bytes: Uint8Array, at: number): Generator<null, number, undefined> {
  const place = { next: skipSpace(bytes, at), depth: 0 };
  for (;;) {
    skipOn(bytes, place, Math.min(place.next + PART_BYTES, bytes.length));
    if (place.depth <= 0 || place.next >= bytes.length) return place.next;
    yield null;
  }
}

function enter(bytes: Uint8Array, at: number, open: number, kind: JsonKind): number {
  const start = skipSpace(bytes, at);
  if (bytes[start] !== open) throw new TypeError(`there is no JSON ${kind} at ${at}`);
  return skipSpace(bytes, start + 1);
}

function skipComma(bytes: Uint8Array, at: number): number {
  const next = skipSpace(bytes, at);
  return bytes[next] === COMMA ? skipSpace(bytes, next + 1) : next;
}

/** Bytes of a text that are read one by one before its end is searched for. */
const NEAR_BYTES = 64;

/** One past the text that begins at `at`. */
export function skipString(bytes: Uint8Array, at: number): number {
  let next = at + 1;
  for (;;) {
    const near = Math.min(next + NEAR_BYTES, bytes.length);
    while (next < near && bytes[next] !== QUOTE) next += bytes[next] === BACKSLASH ? 2 : 1;
    if (next < near) return next + 1;
    const quote = bytes.indexOf(QUOTE, next);
    if (quote === -1) return bytes.length;
    let before = quote;
    while (before > next && bytes[before - 1] === BACKSLASH) before--;
    if ((quote - before) % 2 === 0) return quote + 1;
    next = quote + 1;
  }
}

/** Skips to the end of a number or literal. */
function skipScalar(bytes: Uint8Array, at: number): number {
  let next = at;
  while (next < bytes.length && !endsScalar(bytes[next]!)) next++;
  return next;
}

function endsScalar(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const text = decoder.decode(bytes.subarray(start, end));
  return text.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1);
}
