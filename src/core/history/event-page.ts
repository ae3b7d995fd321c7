import { RunlogError } from "../../ports/errors.ts";
import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import type { CompactPosition } from "../compaction/compact-log.ts";
import type { ReadableLog } from "../log/readable-log.ts";
import { isLineStart } from "../log/scan-event-facts.ts";
import { type Cursor, parseCursor } from "../model/cursor.ts";
import type { Session } from "../session/session.ts";
import { MAX_PAGE_BYTES } from "./page-bounds.ts";
import { bytesBefore, bytesIn, firstLineFrom } from "./page-offsets.ts";
import { type LogPart, type PageEvent, readBackward, readForward } from "./page-events.ts";

/** Which page of a session's events is asked for. */
export interface PageQuery {
  /** Whether finished runs are as they were stored, not compacted. */
  readonly isRaw: boolean;
  /** Events after the cursor, or those before it. */
  readonly direction: "after" | "before";
  /** Null: from the history's start, or from its end. A number: from the first event that begins at or after that byte of it. */
  readonly cursor: string | number | null;
  /** Most events, 1 to `MAX_PAGE_EVENTS`. */
  readonly limit: number;
}

/** Some events of a session that follow each other, oldest first. */
export interface EventPage {
  readonly events: readonly PageEvent[];
  /** Where the first event begins and where the last one ends; null where there is no log. */
  readonly start: Cursor | null;
  readonly end: Cursor | null;
  readonly hasBefore: boolean;
  readonly hasAfter: boolean;
  /** Bytes of the history before the page, up to its end, and of all of it. */
  readonly startOffset: number;
  readonly endOffset: number;
  readonly size: number;
}

/** The history of a session on both sides of a position: the parts of its logs in order. */
interface Divided {
  readonly before: readonly LogPart[];
  readonly after: readonly LogPart[];
}

type Store = Pick<LogReader, "stat" | "read">;

const NO_LOG: EventPage = {
  events: [],
  start: null,
  end: null,
  hasBefore: false,
  hasAfter: false,
  startOffset: 0,
  endOffset: 0,
  size: 0,
};

/**
 * A page of the history as the log has it now. Where its events lie is found by reading, forwards or backwards, no more
 * than the page: how long the log is does not matter. Throws `invalid-input` for a text that is no cursor of this view, and
 * `event-not-found` for one of another log or compact log, beyond the end, or not after an event.
 */
export async function findEventPage(
  store: Store,
  session: Session,
  readable: ReadableLog | null,
  query: PageQuery,
): Promise<EventPage> {
  const { cursor, direction, isRaw, limit } = query;
  const given = typeof cursor === "string" ? parseCursor(cursor) : null;
  if (typeof cursor === "string" && !given)
    throw new RunlogError("invalid-input", "Invalid cursor");
  if (given?.log === "compact" && isRaw)
    throw new RunlogError(
      "invalid-input",
      "Invalid cursor: with view=raw it is one of the raw log",
    );
  if (!readable) {
    if (given) throw notFound();
    return NO_LOG;
  }
  const compacted = isRaw ? null : await session.compact.find(readable.stat);
  const whole = partsOf(readable, compacted);
  const at =
    typeof cursor === "number" ? await firstLineFrom(store, session.key, whole, cursor) : given;
  const { before, after } = await divide(store, session.key, {
    readable,
    compacted,
    whole,
    at,
    direction,
  });
  const bounds = { maxEvents: limit, maxBytes: MAX_PAGE_BYTES };
  const isAfter = direction === "after";
  const found = isAfter
    ? await readForward(store, session.key, after, bounds)
    : await readBackward(store, session.key, before, bounds);
  const edge = at ?? edgeOf(whole, isAfter);
  const [first, last] = [found.events[0], found.events.at(-1)];
  const start = first ? { ...first.place, offset: first.start } : edge;
  const end = last ? { ...last.place, offset: last.end } : edge;
  const parts = [...before, ...after];
  return {
    events: found.events,
    start,
    end,
    hasBefore: isAfter ? before.length > 0 : found.isMore,
    hasAfter: isAfter ? found.isMore : after.length > 0,
    startOffset: bytesBefore(parts, start),
    endOffset: bytesBefore(parts, end),
    size: bytesIn(parts),
  };
}

/** The history from its start to its end: finished runs compacted, unless the view is the raw one. */
function partsOf({ stat, from }: ReadableLog, compacted: CompactPosition | null): LogPart[] {
  const { logId, end } = stat;
  const raw: LogPart = {
    place: { log: "raw", logId },
    start: Math.max(from, compacted?.rawEnd ?? 0),
    end: end.raw,
  };
  if (!compacted) return [raw];
  const { generation, start } = compacted;
  return [{ place: { log: "compact", logId, generation }, start, end: compacted.end }, raw];
}

interface Division {
  readonly readable: ReadableLog;
  readonly compacted: CompactPosition | null;
  readonly whole: readonly LogPart[];
  readonly at: Cursor | null;
  readonly direction: PageQuery["direction"];
}

/** Divides the history at a cursor. What lies in the raw log is read there, unless all of it is after what is compacted. */
async function divide(
  store: Store,
  key: SessionKey,
  { readable, compacted, whole, at, direction }: Division,
): Promise<Divided> {
  const { stat, from } = readable;
  if (!at)
    return direction === "after"
      ? { before: [], after: filled(whole) }
      : { before: filled(whole), after: [] };
  const { log, logId, offset } = at;
  const isInLog = logId === stat.logId && offset <= stat.end[log];
  if (!isInLog || (log === "compact" && !isInGeneration(at, compacted))) throw notFound();
  if (!(await isLineStart(store, key, at))) throw notFound();
  const isOld = log === "raw" && offset < (compacted?.rawEnd ?? 0);
  const parts = isOld ? partsOf({ stat, from, skippedLines: null }, null) : whole;
  const index = parts.findIndex(({ place }) => place.log === log);
  const part = parts[index];
  if (!part) throw notFound();
  const split = Math.max(part.start, offset);
  return {
    before: filled([...parts.slice(0, index), { ...part, end: split }]),
    after: filled([{ ...part, start: split }, ...parts.slice(index + 1)]),
  };
}

function isInGeneration(at: Cursor, compacted: CompactPosition | null): boolean {
  if (at.log !== "compact" || at.generation !== compacted?.generation) return false;
  return at.offset >= compacted.start && at.offset <= compacted.end;
}

function filled(parts: readonly LogPart[]): LogPart[] {
  return parts.filter(({ start, end }) => start < end);
}

/** Where the history begins, or where it ends. */
function edgeOf(whole: readonly LogPart[], isStart: boolean): Cursor | null {
  const part = isStart ? whole[0] : whole.at(-1);
  return part ? { ...part.place, offset: isStart ? part.start : part.end } : null;
}

function notFound(): RunlogError {
  return new RunlogError(
    "event-not-found",
    "No such position: the cursor is of another log, beyond its end, or not after an event",
  );
}
