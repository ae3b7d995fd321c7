import type { EventPage } from "../../client/index.ts";
import { type EventFilter, matcherOf } from "./event-filter.ts";
import { type EventPages, type HistoryView, viewQuery } from "./event-pages.ts";
import { type EventRow, eventRow } from "./event-row.ts";

/** What is searched: the history on one side of a position, beginning beside it. */
export interface EventSearch {
  readonly view: HistoryView;
  readonly filter: EventFilter;
  readonly direction: "after" | "before";
  /** The position; null for the start of the history, or its end. */
  readonly from: string | null;
  readonly signal: AbortSignal;
}

/** How far a search has come. */
export interface SearchProgress {
  /** What the last step found, oldest first. */
  readonly found: readonly EventRow[];
  /** How many events were looked at so far, and how many bytes of the history they are. */
  readonly searchedEvents: number;
  readonly searchedBytes: number;
  /** Bytes of the history before what was looked at last, and of all of it. */
  readonly offset: number;
  readonly size: number;
  /** From where it goes on; null without a log. */
  readonly next: string | null;
  readonly isDone: boolean;
}

const EVENTS_A_STEP = 5_000;

/** Searches the history page by page; each step says how far it has come. Ends with the history, or when it is aborted. */
export async function* searchEvents(
  pages: EventPages,
  { view, filter, direction, from, signal }: EventSearch,
): AsyncGenerator<SearchProgress, void, undefined> {
  const isWanted = matcherOf(filter);
  let cursor = from ?? "";
  let searchedEvents = 0;
  let searchedBytes = 0;
  for (;;) {
    const side = direction === "after" ? { after: cursor } : { before: cursor };
    const page = await pages.page({ ...viewQuery(view), ...side, limit: EVENTS_A_STEP, signal });
    if (signal.aborted) return;
    const { startOffset, endOffset, size } = page;
    searchedEvents += page.events.length;
    searchedBytes += endOffset - startOffset;
    const next = direction === "after" ? page.end : page.start;
    const isDone = !(direction === "after" ? page.hasAfter : page.hasBefore);
    const found = foundIn(page, isWanted);
    yield { found, searchedEvents, searchedBytes, offset: startOffset, size, next, isDone };
    if (isDone || next === null) return;
    cursor = next;
  }
}

function foundIn(
  { events, cursors, times }: EventPage,
  isWanted: ReturnType<typeof matcherOf>,
): readonly EventRow[] {
  return events.flatMap((event, index) =>
    isWanted(event) ? [eventRow(event, cursors[index] ?? "", times[index])] : [],
  );
}
