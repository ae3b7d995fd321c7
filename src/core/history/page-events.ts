import type { LogName, LogReader, SessionKey } from "../../ports/log-store.ts";
import { TRAILER_MARK } from "../compaction/trailer.ts";
import type { ByteRange } from "../model/byte-range.ts";
import type { LogPlace } from "../model/cursor.ts";

/** A range of one log, from the start of a line to the end of one. */
export interface LogPart<Place extends AnyPlace = LogPlace> extends ByteRange {
  readonly place: Place;
}

/** A log of a session. */
interface AnyPlace {
  readonly log: LogName;
  readonly logId: string;
}

/** Where an event lies, its LF included: the cursor of the event is `end` in `place`. */
export type PageEvent<Place extends AnyPlace = LogPlace> = LogPart<Place>;

/** What a page may hold. */
export interface PageBounds {
  readonly maxEvents: number;
  /** Of the events with their LFs. An event that is larger than that by itself counts as `STAND_IN_BYTES`. */
  readonly maxBytes: number;
}

/** Events that were found, oldest first. */
interface FoundEvents<Place extends AnyPlace> {
  readonly events: readonly PageEvent<Place>[];
  /** Whether the parts have more events in that direction. */
  readonly isMore: boolean;
}

type Store = Pick<LogReader, "read">;

const LF = 10;
/** The first step back, and the longest: each is twice as long as the one before. */
const FIRST_STEP_BYTES = 64 * 1024;
const MAX_STEP_BYTES = 256 * 1024;
/** Most bytes of what is sent in place of an event that no page can hold. */
const STAND_IN_BYTES = 1024;

/** The events that a page has so far. */
class Taken<Place extends AnyPlace> {
  readonly events: PageEvent<Place>[] = [];
  readonly #bounds: PageBounds;
  #bytes = 0;
  #isFull = false;

  constructor(bounds: PageBounds) {
    this.#bounds = bounds;
  }

  /** Whether an event was refused for lack of room. */
  get isFull(): boolean {
    return this.#isFull;
  }

  take(event: PageEvent<Place>): void {
    const { maxBytes, maxEvents } = this.#bounds;
    const length = event.end - event.start;
    const bytes = length > maxBytes ? STAND_IN_BYTES : length;
    this.#isFull ||= this.events.length === maxEvents || this.#bytes + bytes > maxBytes;
    if (this.#isFull) return;
    this.#bytes += bytes;
    this.events.push(event);
  }
}

/** The first events of `parts`. */
export async function readForward<Place extends AnyPlace>(
  store: Store,
  key: SessionKey,
  parts: readonly LogPart<Place>[],
  bounds: PageBounds,
): Promise<FoundEvents<Place>> {
  const taken = new Taken<Place>(bounds);
  for (const part of parts) {
    await takeForward(store, key, part, taken);
    if (taken.isFull) break;
  }
  return { events: taken.events, isMore: taken.isFull };
}

async function takeForward<Place extends AnyPlace>(
  store: Store,
  key: SessionKey,
  { place, start, end }: LogPart<Place>,
  taken: Taken<Place>,
): Promise<void> {
  let lineStart = start;
  let firstByte = -1;
  let offset = start;
  const { log, logId } = place;
  for await (const chunk of store.read(key, { logId, log, start, end })) {
    for (let at = 0; at < chunk.length;) {
      if (offset + at === lineStart) firstByte = chunk[at] ?? -1;
      const lf = chunk.indexOf(LF, at);
      if (lf === -1) break;
      at = lf + 1;
      const line = { place, start: lineStart, end: offset + at };
      lineStart = line.end;
      if (!isTrailer(place, firstByte)) taken.take(line);
      if (taken.isFull) return;
    }
    offset += chunk.length;
  }
}

/** The last events of `parts`. */
export async function readBackward<Place extends AnyPlace>(
  store: Store,
  key: SessionKey,
  parts: readonly LogPart<Place>[],
  bounds: PageBounds,
): Promise<FoundEvents<Place>> {
  const taken = new Taken<Place>(bounds);
  for (const part of parts.toReversed()) {
    await takeBackward(store, key, part, taken);
    if (taken.isFull) break;
  }
  return { events: taken.events.toReversed(), isMore: taken.isFull };
}

async function takeBackward<Place extends AnyPlace>(
  store: Store,
  key: SessionKey,
  { place, start, end }: LogPart<Place>,
  taken: Taken<Place>,
): Promise<void> {
  const { log, logId } = place;
  let lineEnd = end;
  /** The byte after those that are being looked at. */
  let nextByte = -1;
  let step = FIRST_STEP_BYTES;
  for (let to = end; to > start;) {
    const from = Math.max(start, to - step);
    const bytes = await readRange(store, key, { logId, log, start: from, end: to });
    for (let at = bytes.length - 1; at >= 0; at--) {
      at = bytes.lastIndexOf(LF, at);
      if (at === -1) break;
      const lineStart = from + at + 1;
      if (lineStart === lineEnd) continue;
      const firstByte = bytes[at + 1] ?? nextByte;
      if (!isTrailer(place, firstByte)) taken.take({ place, start: lineStart, end: lineEnd });
      if (taken.isFull) return;
      lineEnd = lineStart;
    }
    nextByte = bytes[0] ?? -1;
    to = from;
    step = Math.min(2 * step, MAX_STEP_BYTES);
  }
  if (lineEnd > start && !isTrailer(place, nextByte)) taken.take({ place, start, end: lineEnd });
}

function isTrailer({ log }: AnyPlace, firstByte: number): boolean {
  return log === "compact" && firstByte === TRAILER_MARK;
}

async function readRange(
  store: Store,
  key: SessionKey,
  range: Parameters<LogReader["read"]>[1] & ByteRange,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(range.end - range.start);
  let at = 0;
  for await (const chunk of store.read(key, range)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes.subarray(0, at);
}
