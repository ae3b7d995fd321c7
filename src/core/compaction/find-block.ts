import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { readTrailer, type Trailer, TRAILER_MARK } from "./trailer.ts";

/** A trailer, and where in the compact log its line begins and ends. */
export interface PlacedTrailer extends ByteRange {
  readonly trailer: Trailer;
}

type Store = Pick<LogReader, "read">;

const LF = 10;
/** Longest line that is looked at for a trailer. */
const MAX_LINE_BYTES = 256;
/** A shorter range is read from one end to the other. */
const SHORT_BYTES = 256 * 1024;

/**
 * The last block of a range of the compact log that stands for nothing after `rawEnd`: its trailer, and where it ends. Null
 * if there is none. The range begins and ends with blocks of one generation. Reads parts of it that are each half as long as the one before.
 */
export async function findBlockBefore(
  store: Store,
  key: SessionKey,
  { logId, start, end }: ByteRange & { readonly logId: string },
  rawEnd: number,
): Promise<PlacedTrailer | null> {
  let found: PlacedTrailer | null = null;
  let [low, high] = [start, end];
  const next = async (from: number): Promise<PlacedTrailer | null> => {
    for await (const placed of trailersOf(store, key, { logId, start: from, end: high }))
      return placed;
    return null;
  };
  while (high - low > SHORT_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const placed = await next(middle);
    if (placed && placed.trailer.rawEnd <= rawEnd) {
      found = placed;
      low = placed.end;
    } else high = middle;
  }
  // the block in whose midst the last range ends may still be one that counts
  for await (const placed of trailersOf(store, key, { logId, start: low, end })) {
    if (placed.trailer.rawEnd > rawEnd) break;
    found = placed;
  }
  return found;
}

/** The first trailer after an offset, of whatever generation; null if there is none. */
export async function findTrailerAfter(
  store: Store,
  key: SessionKey,
  range: ByteRange & { readonly logId: string },
): Promise<PlacedTrailer | null> {
  for await (const placed of trailersOf(store, key, range)) return placed;
  return null;
}

/** The trailers whose lines begin in a range, in order. */
async function* trailersOf(
  store: Store,
  key: SessionKey,
  { logId, start, end }: ByteRange & { readonly logId: string },
): AsyncGenerator<PlacedTrailer> {
  // the byte before says whether a line begins
  const from = Math.max(0, start - 1);
  let isAtLine = start === 0;
  let line: number[] | null = null;
  let offset = from;
  for await (const chunk of store.read(key, { logId, log: "compact", start: from, end })) {
    for (let at = 0; at < chunk.length;) {
      if (line !== null || (isAtLine && chunk[at] === TRAILER_MARK)) {
        line ??= [];
        const lf = chunk.indexOf(LF, at);
        const to = lf === -1 ? chunk.length : lf + 1;
        if (line.length < MAX_LINE_BYTES)
          line.push(...chunk.subarray(at, Math.min(to, at + MAX_LINE_BYTES)));
        at = to;
        isAtLine = lf !== -1;
        if (lf === -1) continue;
        const bytes = Uint8Array.from(line);
        const trailer = readTrailer(bytes);
        line = null;
        const lineEnd = offset + at;
        if (trailer?.logId === logId)
          yield { trailer, start: lineEnd - bytes.length, end: lineEnd };
        continue;
      }
      const lf = nextLine(chunk, at);
      isAtLine = lf !== -1 && lf + 1 === chunk.length;
      at = lf === -1 ? chunk.length : lf + 1;
      if (lf !== -1 && at < chunk.length) isAtLine = true;
    }
    offset += chunk.length;
  }
}

/** The next LF before a trailer's mark, or at the chunk's end; -1 if there is none. */
function nextLine(chunk: Uint8Array, from: number): number {
  for (
    let at = chunk.indexOf(TRAILER_MARK, from);
    at !== -1;
    at = chunk.indexOf(TRAILER_MARK, at + 1)
  )
    if (at > from && chunk[at - 1] === LF) return at - 1;
  return chunk.at(-1) === LF ? chunk.length - 1 : -1;
}
