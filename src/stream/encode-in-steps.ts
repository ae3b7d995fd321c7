import type { Steps } from "./steps.ts";

/** So many characters are encoded in one step. */
const STEP_CHARS = 512 * 1024;

const encoder = new TextEncoder();

/** Adds a text to the pieces, encoded. */
export function* encodeInSteps(text: string, pieces: Uint8Array<ArrayBuffer>[]): Steps {
  let from = 0;
  while (text.length - from > STEP_CHARS) {
    let end = from + STEP_CHARS;
    // both halves of a character stay together
    if (isHighSurrogate(text.charCodeAt(end - 1))) end--;
    pieces.push(encoder.encode(text.slice(from, end)));
    from = end;
    yield;
  }
  pieces.push(encoder.encode(from === 0 ? text : text.slice(from)));
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}
