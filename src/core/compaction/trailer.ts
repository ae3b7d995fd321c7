import { checksum } from "./checksum.ts";

/**
 * The version of compaction's output for the same input. It is the generation in cursors: a change
 * of the output needs another one.
 */
export const GENERATION = 3;

/** The line after a block of the compact log. Offsets and lengths in bytes. */
export interface Trailer {
  /** The log that was compacted; for any other log the trailer is invalid. */
  readonly logId: string;
  readonly generation: number;
  /** Where in the compact log this generation begins. */
  readonly start: number;
  /** The part of the raw log that the block stands for. */
  readonly rawStart: number;
  readonly rawEnd: number;
  /** Length of all trailers of this generation before this one. */
  readonly trailerBytes: number;
}

/** No event can begin with it: a line that does is a trailer. */
export const TRAILER_MARK = 0x23;

/** Longest line that can be one. */
const MAX_TRAILER_BYTES = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A trailer as a line, and the checksum of everything up to its end. */
export interface EncodedTrailer {
  readonly line: Uint8Array<ArrayBuffer>;
  readonly sum: number;
}

/**
 * A mark, then the generation, the logId, four numbers and the checksum, separated by spaces: a
 * block of a short run saves hardly more than that. `sum` is the checksum of everything in the
 * generation before it.
 */
export function encodeTrailer(trailer: Trailer, sum: number): EncodedTrailer {
  const { logId, generation, start, rawStart, rawEnd, trailerBytes } = trailer;
  const text = `#${[generation, logId, start, rawStart, rawEnd, trailerBytes].join(" ")} `;
  const own = checksum(sum, encoder.encode(text));
  const line = encoder.encode(`${text}${own}\n`);
  return { line, sum: checksum(sum, line) };
}

/** Decodes a line of the compact log as a trailer; null if it is none of this version. */
export function decodeTrailer(line: Uint8Array): Trailer | null {
  const trailer = readTrailer(line);
  return trailer?.generation === GENERATION ? trailer : null;
}

/** Decodes a line as a trailer of any generation, all of which have the same form; null if it is none. */
export function readTrailer(line: Uint8Array): Trailer | null {
  if (line.length > MAX_TRAILER_BYTES) return null;
  const [mark = "", logId = "", ...rest] = decoder.decode(line).trimEnd().split(" ");
  const numbers = rest.map(Number);
  const [start = NaN, rawStart = NaN, rawEnd = NaN, trailerBytes = NaN] = numbers;
  if (!/^#\d{1,9}$/.test(mark) || !numbers.every(Number.isSafeInteger)) return null;
  return { logId, generation: Number(mark.slice(1)), start, rawStart, rawEnd, trailerBytes };
}

/** Whether `line` is exactly the line of `trailer` after bytes with the checksum `sum`. */
export function isTrailerOf(line: Uint8Array, trailer: Trailer, sum: number): boolean {
  const { logId, generation, start, rawStart, rawEnd, trailerBytes } = trailer;
  const plain = { logId, generation, start, rawStart, rawEnd, trailerBytes };
  return decoder.decode(line) === decoder.decode(encodeTrailer(plain, sum).line);
}
