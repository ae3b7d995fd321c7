import type { Steps } from "../sync/steps.ts";

/** Bytes that are put on one line in one step. */
const STEP_BYTES = 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

/**
 * Adds the piece to those of a line. Line breaks stand only between the tokens of valid JSON, where a
 * space means the same.
 */
export function* putOnOneLine(
  piece: Uint8Array<ArrayBuffer>,
  line: Uint8Array<ArrayBuffer>[],
): Steps {
  for (let from = 0; from < piece.length; from += STEP_BYTES) {
    if (from > 0) yield;
    const part = piece.subarray(from, from + STEP_BYTES);
    const isChanged = part.includes(LF) || part.includes(CR);
    line.push(isChanged ? part.map((byte) => (byte === LF || byte === CR ? SPACE : byte)) : part);
  }
}
