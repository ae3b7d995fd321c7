import { atOnce, type Steps } from "../sync/steps.ts";

/** Replaces the bytes from `start` to `end` (equal for an insertion) by `text`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Splices that are done in one step. */
const STEP_SPLICES = 4_096;

const encoder = new TextEncoder();

/**
 * `bytes` (or the part of it in `range`) with the splices applied, as pieces: unchanged bytes are
 * not copied. Splices may come in any order; those at one place keep theirs. They must not overlap.
 */
export function spliceBytes(
  bytes: Uint8Array<ArrayBuffer>,
  splices: readonly Splice[],
  range?: { readonly start: number; readonly end: number },
): Uint8Array<ArrayBuffer>[] {
  return atOnce(spliceInSteps(bytes, splices, range));
}

/** As `spliceBytes`, for many splices. */
export function* spliceInSteps(
  bytes: Uint8Array<ArrayBuffer>,
  splices: readonly Splice[],
  range: { readonly start: number; readonly end: number } = { start: 0, end: bytes.length },
): Steps<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let at = range.start;
  const sorted = splices.toSorted((a, b) => a.start - b.start);
  for (const [index, { start, end, text }] of sorted.entries()) {
    if (start < at || end > range.end) throw new RangeError("splices overlap or leave their range");
    if (start > at) pieces.push(bytes.subarray(at, start));
    pieces.push(encoder.encode(text));
    at = end;
    if (index % STEP_SPLICES === STEP_SPLICES - 1) yield;
  }
  if (at < range.end) pieces.push(bytes.subarray(at, range.end));
  return pieces;
}
