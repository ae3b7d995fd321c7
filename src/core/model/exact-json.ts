/*
 * JSON whose numbers keep their text. A double cannot hold 2512292042121000001 or 1e400, and writes
 * 1.0 as 1: what is parsed to be written again would be another document. So a number whose text
 * `JSON.stringify` would not give back is parsed as what `JSON.rawJSON` makes of that text, which
 * `JSON.stringify` writes as it stands; every other number is a plain one. Such values are frozen and
 * have no prototype; `structuredClone` refuses them.
 */

import { skipString } from "../../stream/json/json-walk.ts";

interface NumberPreservingJson {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
}

const json: NumberPreservingJson = Object(JSON);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
/** Every integer of so many digits is exact in a double. */
const SAFE_DIGITS = 15;

/** The value of valid JSON, its numbers such that `JSON.stringify` gives their text back. */
export function parseExact(bytes: Uint8Array): unknown {
  const text = decoder.decode(bytes);
  // the reviver takes three times as long, and most JSON has integers alone
  return hasOnlyPlainIntegers(bytes) ? JSON.parse(text) : json.parse(text, keepText);
}

/** Whether a value of `parseExact` is a number that keeps its text. */
export function isExactNumber(value: unknown): boolean {
  return json.isRawJSON(value);
}

/**
 * Whether two JSON values are written alike, whatever the order of their keys: 1.0 and 1 are not.
 * Takes values of any depth.
 */
export function isSameJson(left: unknown, right: unknown): boolean {
  const pairs: [unknown, unknown][] = [[left, right]];
  for (let pair = pairs.pop(); pair; pair = pairs.pop()) {
    const [a, b] = pair;
    if (a === b) continue;
    if (!isContainer(a) || !isContainer(b)) return false;
    if (isExactNumber(a) || isExactNumber(b)) {
      if (textOf(a) === textOf(b)) continue;
      return false;
    }
    const keys = Object.keys(a);
    if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length)
      return false;
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return false;
      pairs.push([a[key], b[key]]);
    }
  }
  return true;
}

function keepText(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== "number" || source === undefined || String(value) === source) return value;
  return json.rawJSON(source);
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string | null {
  return isExactNumber(value) ? JSON.stringify(value) : null;
}

/** Whether all numbers in valid JSON are integers that a double holds, written the usual way. */
function hasOnlyPlainIntegers(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === QUOTE) at = skipString(bytes, at);
    else if (byte === MINUS || isDigit(byte)) {
      const digits = byte === MINUS ? at + 1 : at;
      let end = digits;
      while (end < bytes.length && isDigit(bytes[end]!)) end++;
      const isNegativeZero = byte === MINUS && bytes[digits] === ZERO;
      if (isNegativeZero || end - digits > SAFE_DIGITS || continuesNumber(bytes[end])) return false;
      at = end;
    } else at++;
  }
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

/** Whether a byte after digits is a point or the beginning of an exponent. */
function continuesNumber(byte: number | undefined): boolean {
  return byte === 0x2e || byte === 0x65 || byte === 0x45;
}
