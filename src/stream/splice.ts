/** Replaces the bytes from `start` to `end` (equal for an insertion) by `text`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const encoder = new TextEncoder();

/**
 * `bytes` (or the part of it in `range`) with the splices done, as pieces: what is kept is not
 * copied. Splices may come in any order; those at one place keep theirs. They must not overlap.
 */
export function spliceBytes(
  bytes: Uint8Array<ArrayBuffer>,
  splices: readonly Splice[],
  range: { readonly start: number; readonly end: number } = { start: 0, end: bytes.length },
): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let at = range.start;
  for (const { start, end, text } of splices.toSorted((a, b) => a.start - b.start)) {
    if (start < at || end > range.end) throw new RangeError("splices overlap or leave their range");
    if (start > at) pieces.push(bytes.subarray(at, start));
    pieces.push(encoder.encode(text));
    at = end;
  }
  if (at < range.end) pieces.push(bytes.subarray(at, range.end));
  return pieces;
}
