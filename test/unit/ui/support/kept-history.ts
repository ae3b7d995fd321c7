import type { AgUiEvent, EventPage } from "../../../../src/client/index.ts";
import type { EventPages } from "../../../../src/ui/events/event-pages.ts";

/** A history in memory, in pages as the server gives them (PROTOCOL 20.1). */
export interface KeptHistory extends EventPages {
  readonly events: AgUiEvent[];
  /** How often it was asked. */
  readonly asked: number;
  /** The cursor before the event at `index`. */
  cursor(index: number): string;
}

export function keptHistory(initial: readonly AgUiEvent[]): KeptHistory {
  const events = [...initial];
  let asked = 0;
  const cursor = (index: number): string => `log-r${index}`;
  const indexOf = (text: string): number => Number(text.slice(5));
  /** Where each event ends, made as far as it is needed. */
  const ends: number[] = [];
  const sizes = (to: number): number => {
    ends.length = Math.min(ends.length, events.length);
    for (let index = ends.length; index < to; index += 1)
      ends.push((ends[index - 1] ?? 0) + JSON.stringify(events[index]).length + 1);
    return ends[to - 1] ?? 0;
  };
  return {
    events,
    cursor,
    get asked() {
      return asked;
    },
    page({ after, before, offset, limit = 100 }) {
      asked += 1;
      const isAfter = after !== undefined || offset !== undefined;
      let from = 0;
      if (offset !== undefined) while (from < events.length && sizes(from) < offset) from += 1;
      else if (after) from = indexOf(after);
      let to = isAfter ? Math.min(events.length, from + limit) : events.length;
      if (before) to = indexOf(before);
      if (!isAfter) from = Math.max(0, to - limit);
      const isEmpty = events.length === 0;
      const page: EventPage = {
        events: events.slice(from, to),
        cursors: Array.from({ length: to - from }, (_, index) => cursor(from + index + 1)),
        times: Array.from({ length: to - from }, () => null),
        start: isEmpty ? null : cursor(from),
        end: isEmpty ? null : cursor(to),
        hasBefore: from > 0,
        hasAfter: to < events.length,
        startOffset: sizes(from),
        endOffset: sizes(to),
        size: sizes(events.length),
      };
      return Promise.resolve(page);
    },
  };
}

/** So many events that say their place. */
export function numbered(count: number): AgUiEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    type: index % 3 === 0 ? "CUSTOM" : "RAW",
    name: `event ${index}`,
    timestamp: 1_000 * index,
  }));
}
