const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

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
  let next = skipSpace(bytes, at);
  let depth = 0;
  while (next < bytes.length) {
    const byte = bytes[next]!;
    if (byte === QUOTE) next = skipString(bytes, next);
    else {
      next++;
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
      else if (depth === 0) return skipScalar(bytes, next);
    }
    if (depth <= 0) return next;
  }
  return next;
}

/** What begins at `at` or after white space there. */
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
    const keyStart = next;
    const keyEnd = skipString(bytes, keyStart);
    next = skipSpace(bytes, keyEnd);
    if (bytes[next] === COLON) next++;
    const valueStart = skipSpace(bytes, next);
    const valueEnd = skipValue(bytes, valueStart);
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

function enter(bytes: Uint8Array, at: number, open: number, kind: JsonKind): number {
  const start = skipSpace(bytes, at);
  if (bytes[start] !== open) throw new TypeError(`there is no JSON ${kind} at ${at}`);
  return skipSpace(bytes, start + 1);
}

function skipComma(bytes: Uint8Array, at: number): number {
  const next = skipSpace(bytes, at);
  return bytes[next] === COMMA ? skipSpace(bytes, next + 1) : next;
}

function skipString(bytes: Uint8Array, at: number): number {
  let next = at + 1;
  while (next < bytes.length && bytes[next] !== QUOTE) next += bytes[next] === BACKSLASH ? 2 : 1;
  return Math.min(next + 1, bytes.length);
}

/** Goes on to the end of a number or literal. */
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
