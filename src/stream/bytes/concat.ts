import type { Steps } from "../sync/steps.ts";

/** The pieces as one array; a single piece is returned as it is. */
export function concatBytes<T extends ArrayBufferLike>(
  pieces: readonly Uint8Array<T>[],
): Uint8Array<T | ArrayBuffer> {
  const [first, second] = pieces;
  if (first && second === undefined) return first;
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** Bytes that are copied in one step: allocating that much memory takes longer than the copy. */
const STEP_BYTES = 1024 * 1024;

/** As `concatBytes`, for many bytes. */
export function* concatInSteps(
  pieces: readonly Uint8Array<ArrayBuffer>[],
): Steps<Uint8Array<ArrayBuffer>> {
  const [first, second] = pieces;
  if (first && second === undefined) return first;
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  let stepStart = 0;
  for (const piece of pieces)
    for (let from = 0; from < piece.length; from += STEP_BYTES) {
      const part = piece.subarray(from, from + STEP_BYTES);
      joined.set(part, at);
      at += part.length;
      if (at - stepStart < STEP_BYTES) continue;
      stepStart = at;
      yield;
    }
  return joined;
}
