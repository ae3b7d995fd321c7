import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";
import type { Cursor } from "../model/cursor.ts";
import type { LogPart } from "./page-events.ts";

// The parts of a history laid end to end: an offset here counts their bytes, from the start of the first one.

const LF = 10;

/** Bytes of all parts. */
export function bytesIn(parts: readonly ByteRange[]): number {
  return parts.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Bytes of the parts before a position in one of them; of all where it is in none. */
export function bytesBefore(parts: readonly LogPart[], at: Cursor | null): number {
  const index = parts.findIndex((part) => at !== null && isWithin(part, at));
  const part = parts[index];
  if (!part || at === null) return bytesIn(parts);
  return bytesIn(parts.slice(0, index)) + at.offset - part.start;
}

/** Where the first line begins that begins at or after an offset; the end where there is none. */
export async function firstLineFrom(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  parts: readonly LogPart[],
  offset: number,
): Promise<Cursor | null> {
  let left = offset;
  for (const { place, start, end } of parts) {
    if (left < end - start) {
      const { log, logId } = place;
      const lineStart =
        left === 0
          ? start
          : await afterNextLineEnd(store, key, { log, logId, start: start + left - 1, end });
      return { ...place, offset: lineStart };
    }
    left -= end - start;
  }
  const last = parts.at(-1);
  return last ? { ...last.place, offset: last.end } : null;
}

/** Lines may be long: no more than one is read, and none of it is kept. */
async function afterNextLineEnd(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  range: Parameters<LogReader["read"]>[1] & ByteRange,
): Promise<number> {
  let offset = range.start;
  for await (const chunk of store.read(key, range)) {
    const lineEnd = chunk.indexOf(LF);
    if (lineEnd !== -1) return offset + lineEnd + 1;
    offset += chunk.length;
  }
  return range.end;
}

function isWithin({ place, start, end }: LogPart, { log, offset }: Cursor): boolean {
  return place.log === log && offset >= start && offset <= end;
}
