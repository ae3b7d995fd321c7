import type { EventPage, SessionEvent } from "../../client/index.ts";
import { type EventRow, eventRow } from "./event-row.ts";

/** Rows of events that follow each other, as one page brought them, or as they came live. */
interface Segment {
  readonly rows: readonly EventRow[];
  /** Where the page before begins to be asked for: the cursor before the first row. */
  readonly start: string;
  readonly end: string;
  /** Bytes of the history before the segment, and up to its end. */
  readonly startOffset: number;
  readonly endOffset: number;
}

/** The most rows that are kept. A page is dropped at the other end for one that comes. */
export const MAX_ROWS = 4_000;
/** Live rows are kept in segments of so many. */
const LIVE_ROWS = 500;

/**
 * The part of a long history that a list has in memory: rows without a gap, which grow at both ends and are dropped at the other
 * one. Immutable: each change is a new window.
 */
export class EventWindow {
  static readonly EMPTY: EventWindow = new EventWindow([], {
    size: 0,
    hasBefore: false,
    hasAfter: false,
  });

  readonly rows: readonly EventRow[];
  /** Bytes of the whole history, as far as it is known. */
  readonly size: number;
  /** Whether the history has events before the first row, and after the last. */
  readonly hasBefore: boolean;
  readonly hasAfter: boolean;
  readonly #segments: readonly Segment[];

  private constructor(
    segments: readonly Segment[],
    { size, hasBefore, hasAfter }: Pick<EventWindow, "size" | "hasBefore" | "hasAfter">,
  ) {
    this.#segments = segments;
    this.rows = segments.flatMap(({ rows }) => rows);
    this.size = size;
    this.hasBefore = hasBefore;
    this.hasAfter = hasAfter;
  }

  /** A window of one page. */
  static of(page: EventPage): EventWindow {
    return new EventWindow(segmentsOf(page), page);
  }

  /** The cursor to ask for the page before the window; null for an empty one. */
  get start(): string | null {
    return this.#segments[0]?.start ?? null;
  }

  /** The cursor to ask for what comes after the window; null for an empty one. */
  get end(): string | null {
    return this.#segments.at(-1)?.end ?? null;
  }

  /** With the page before it. */
  withBefore(page: EventPage): EventWindow {
    const segments = [...segmentsOf(page), ...this.#segments];
    let count = this.rows.length + page.events.length;
    let { hasAfter } = this;
    while (count > MAX_ROWS && segments.length > 1) {
      count -= segments.pop()?.rows.length ?? 0;
      hasAfter = true;
    }
    return new EventWindow(segments, { size: page.size, hasBefore: page.hasBefore, hasAfter });
  }

  /** With the page after it. */
  withAfter(page: EventPage): EventWindow {
    const isEmpty = page.events.length === 0 && this.#segments.length > 0;
    const segments = [...this.#segments, ...(isEmpty ? [] : segmentsOf(page))];
    return this.#withoutFirst(segments, { size: page.size, hasAfter: page.hasAfter });
  }

  /** With events that have come since, where the window reaches to the end. How many bytes they are is not known. */
  withLive(events: readonly SessionEvent[]): EventWindow {
    const segments = [...this.#segments];
    for (const { event, cursor } of events) {
      if (cursor === null) continue;
      const row = eventRow(event, cursor);
      const last = segments.at(-1);
      const offset = last?.endOffset ?? 0;
      const isOpen = last && last.startOffset === last.endOffset && last.rows.length < LIVE_ROWS;
      if (isOpen)
        segments[segments.length - 1] = { ...last, rows: [...last.rows, row], end: cursor };
      else
        segments.push({
          rows: [row],
          start: last?.end ?? "",
          end: cursor,
          startOffset: offset,
          endOffset: offset,
        });
    }
    return this.#withoutFirst(segments, { size: this.size, hasAfter: false });
  }

  /** As one after which there may be more, by pages. */
  detached(): EventWindow {
    return new EventWindow(this.#segments, {
      size: this.size,
      hasBefore: this.hasBefore,
      hasAfter: true,
    });
  }

  /** Bytes of the history before a row, as far as that is known: within a page rows count as of one length. */
  offsetOf(index: number): number {
    let first = 0;
    for (const { rows, startOffset, endOffset } of this.#segments) {
      if (index < first + rows.length)
        return startOffset + ((endOffset - startOffset) * (index - first)) / rows.length;
      first += rows.length;
    }
    return this.#segments.at(-1)?.endOffset ?? 0;
  }

  #withoutFirst(
    segments: Segment[],
    { size, hasAfter }: Pick<EventWindow, "size" | "hasAfter">,
  ): EventWindow {
    let count = segments.reduce((sum, { rows }) => sum + rows.length, 0);
    let { hasBefore } = this;
    while (count > MAX_ROWS && segments.length > 1) {
      count -= segments.shift()?.rows.length ?? 0;
      hasBefore = true;
    }
    return new EventWindow(segments, { size, hasBefore, hasAfter });
  }
}

function segmentsOf(page: EventPage): Segment[] {
  const { events, cursors, times, start, end, startOffset, endOffset } = page;
  if (start === null || end === null) return [];
  const rows = events.map((event, index) => eventRow(event, cursors[index] ?? "", times[index]));
  return [{ rows, start, end, startOffset, endOffset }];
}
