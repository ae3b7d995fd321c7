const QUOTE = 0x22;
const MINUS = 0x2d;
const BACKSLASH = 0x5c;

/** The bytes that numbers are made of. */
const OF_NUMBERS = new Uint8Array(256);
for (const letter of "+-.0123456789eE") OF_NUMBERS[letter.charCodeAt(0)] = 1;

const decoder = new TextDecoder();

/**
 * Whether valid JSON contains a number that a client changes when it copies the value, as it does
 * before each patch: -0 becomes 0, and a number that is too large for a double becomes null.
 */
export function hasLostNumber(json: Uint8Array): boolean {
  for (let at = 0; at < json.length;) {
    const byte = json[at]!;
    if (byte === QUOTE) at = stringEnd(json, at);
    else if (byte === MINUS || (byte >= 0x30 && byte <= 0x39)) {
      const end = numberEnd(json, at);
      // a digit alone is none of them
      const value = end - at > 1 ? Number(decoder.decode(json.subarray(at, end))) : 0;
      if (!Number.isFinite(value) || Object.is(value, -0)) return true;
      at = end;
    } else at++;
  }
  return false;
}

function numberEnd(json: Uint8Array, from: number): number {
  let at = from;
  while (at < json.length && OF_NUMBERS[json[at]!] === 1) at++;
  return at;
}

function stringEnd(json: Uint8Array, quote: number): number {
  let at = quote + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}
