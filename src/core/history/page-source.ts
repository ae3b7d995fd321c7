import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import { JsonArrayJoiner } from "../../stream/json/json-array.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { type Chunks, generatedSource } from "../../stream/sse/generated-source.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import type { ArrivalLookup } from "../log/arrival-lookup.ts";
import { formatCursor } from "../model/cursor.ts";
import { MAX_PAGE_BYTES } from "./page-bounds.ts";
import type { EventPage } from "./event-page.ts";
import type { LogPart, PageEvent } from "./page-events.ts";

/** A page that is ready to be sent: as JSON lines, or as one JSON document. */
export interface WrittenPage {
  /** Bytes of the JSON lines. */
  readonly length: number;
  /** The events, one a line. */
  readonly lines: () => ChunkSource;
  /** The events, their cursors, and where the page lies (PROTOCOL 20.1). */
  readonly document: () => ChunkSource;
}

type Store = Pick<LogReader, "read">;

/** A range of a log to be sent as it is, or what is sent in place of an event. */
type Piece = LogPart | Uint8Array<ArrayBuffer>;

/** Cursors, and times, that are written at once. */
const CURSORS_AT_ONCE = 1_000;

const encoder = new TextEncoder();

/** Makes a page ready, whose events arrived as `arrivals` say; nothing of it is in memory but where its events are. */
export async function writePage(
  store: Store,
  key: SessionKey,
  page: EventPage,
  arrivals: ArrivalLookup | null,
): Promise<WrittenPage> {
  const pieces = await piecesOf(store, key, page.events);
  const length = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
  const lines = (signal: AbortSignal): Chunks => linesOf(store, key, pieces, signal);
  return {
    length,
    lines: () => generatedSource(lines),
    document: () =>
      generatedSource((signal) => documentOf(page, length, { lines: lines(signal), arrivals })),
  };
}

/** Events that follow each other are read in one go; one that no page can hold is replaced. */
async function piecesOf(
  store: Store,
  key: SessionKey,
  events: readonly PageEvent[],
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const event of events) {
    const { place, start, end } = event;
    const last = pieces.at(-1);
    const isNext = last && !(last instanceof Uint8Array) && last.place === place;
    if (end - start > MAX_PAGE_BYTES) pieces.push(await standIn(store, key, event));
    else if (isNext && last.end === start)
      pieces[pieces.length - 1] = { place, start: last.start, end };
    else pieces.push(event);
  }
  return pieces;
}

/** What the standard profile sends in place of a large event (PROTOCOL 12.1), as a line. */
async function standIn(
  store: Store,
  key: SessionKey,
  { place, start, end }: PageEvent,
): Promise<Uint8Array<ArrayBuffer>> {
  const { log, logId } = place;
  const scanner = new JsonObjectScanner(["type"]);
  for await (const chunk of store.read(key, { logId, log, start, end: end - 1 }))
    scanner.push(chunk, 0, chunk.length);
  const cursor = formatCursor({ ...place, offset: end });
  const value = { type: scanner.value("type") ?? "", size: end - start - 1, cursor };
  const event = { type: "CUSTOM", name: "runlog:large-event", value };
  return encoder.encode(`${JSON.stringify(event)}\n`);
}

async function* linesOf(
  store: Store,
  key: SessionKey,
  pieces: readonly Piece[],
  signal: AbortSignal,
): Chunks {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece;
    else {
      const { place, start, end } = piece;
      const { log, logId } = place;
      yield* store.read(key, { logId, log, start, end, signal });
    }
  }
}

async function* documentOf(
  page: EventPage,
  length: number,
  { lines, arrivals }: { readonly lines: Chunks; readonly arrivals: ArrivalLookup | null },
): Chunks {
  const { events, start, end, hasBefore, hasAfter, startOffset, endOffset, size } = page;
  yield encoder.encode('{"events":[');
  const joiner = new JsonArrayJoiner(length);
  for await (const chunk of lines) yield joiner.push(chunk);
  yield encoder.encode('],"cursors":[');
  for (let from = 0; from < events.length; from += CURSORS_AT_ONCE) {
    const cursors = events
      .slice(from, from + CURSORS_AT_ONCE)
      .map((event) => `"${formatCursor({ ...event.place, offset: event.end })}"`);
    yield encoder.encode(`${from > 0 ? "," : ""}${cursors.join(",")}`);
  }
  yield encoder.encode('],"times":[');
  for (let from = 0; from < events.length; from += CURSORS_AT_ONCE) {
    const times: (number | null)[] = [];
    for (const { place, start: offset } of events.slice(from, from + CURSORS_AT_ONCE))
      times.push(place.log === "raw" && arrivals ? await arrivals.at(offset) : null);
    yield encoder.encode(`${from > 0 ? "," : ""}${times.map(String).join(",")}`);
  }
  const rest = {
    start: start && formatCursor(start),
    end: end && formatCursor(end),
    hasBefore,
    hasAfter,
    startOffset,
    endOffset,
    size,
  };
  yield encoder.encode(`],${JSON.stringify(rest).slice(1)}`);
}

function lengthOf(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.length : piece.end - piece.start;
}
