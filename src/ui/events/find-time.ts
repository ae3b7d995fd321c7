import type { EventPage } from "../../client/index.ts";
import { type EventPages, type HistoryView, viewQuery } from "./event-pages.ts";
import { timeOf } from "./event-row.ts";

/** Ranges of so many bytes are not divided any further. */
const NEAR_BYTES = 16 * 1024;
/** Events that are looked at for one that says its time. */
const EVENTS_A_LOOK = 100;

/**
 * The cursor before the first events of about a time, in a history whose times go up: found by halves, some twenty small pages
 * however long the history is. Null where no event that was looked at has a time.
 */
export async function findTime(
  pages: EventPages,
  { timeMs, view, signal }: { timeMs: number; view: HistoryView; signal?: AbortSignal },
): Promise<string | null> {
  const look = (offset: number): Promise<EventPage> =>
    pages.page({ ...viewQuery(view), offset, limit: EVENTS_A_LOOK, ...(signal && { signal }) });
  let best: string | null = null;
  let from = 0;
  let to = (await look(0)).size;
  while (from < to) {
    const isNear = to - from <= NEAR_BYTES;
    const middle = isNear ? from : Math.floor((from + to) / 2);
    const page = await look(middle);
    const found = firstTime(page);
    if (found !== null && found.timeMs < timeMs) {
      const next = nextCursor(page, timeMs);
      best = next.cursor;
      if (next.isInPage) return best;
      from = Math.max(page.endOffset, middle + 1);
    } else {
      if (found !== null) best = page.start;
      to = middle;
    }
  }
  return best;
}

function firstTime({ events, times }: EventPage): { readonly timeMs: number } | null {
  for (const [index, event] of events.entries()) {
    const timeMs = timeOf(event) ?? times[index] ?? null;
    if (timeMs !== null) return { timeMs };
  }
  return null;
}

/** The cursor after the events of the page that are earlier, and whether a later one is in it. */
function nextCursor(
  { events, cursors, times, start, end }: EventPage,
  timeMs: number,
): { readonly cursor: string | null; readonly isInPage: boolean } {
  const index = events.findIndex(
    (event, at) => (timeOf(event) ?? times[at] ?? -Infinity) >= timeMs,
  );
  if (index === -1) return { cursor: end, isInPage: false };
  return { cursor: index === 0 ? start : (cursors[index - 1] ?? null), isInPage: true };
}
