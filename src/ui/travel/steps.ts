import type { EventPage } from "../../client/index.ts";
import type { EventPages } from "../events/event-pages.ts";
import { searchEvents } from "../events/search-events.ts";

/** A position in the history. */
export interface Place {
  readonly cursor: string;
  /** Bytes of the history before it, and of all of it. */
  readonly offset: number;
  readonly size: number;
}

/** Where a step leads: one event on, or to the next end of a run. */
export type Step = "first" | "previous-run" | "previous-event" | "next-event" | "next-run" | "last";

/** Where the one event lies that a step asks for. */
const STEP_SIDES = {
  first: () => ({ after: "" }),
  last: () => ({ before: "" }),
  "next-event": (from: string) => ({ after: from }),
  "previous-event": (from: string) => ({ before: from }),
};

const ENDS_OF_RUNS = { types: ["RUN_FINISHED", "RUN_ERROR"], text: "" };

/** The position after the event in which a byte of the history lies; null without a log. */
export async function placeAt(
  pages: EventPages,
  offset: number,
  signal: AbortSignal,
): Promise<Place | null> {
  return afterPage(await pages.page({ offset, limit: 1, signal }));
}

/** Where a cursor lies; null for one of a session without a log. */
export async function placeOf(
  pages: EventPages,
  cursor: string,
  signal: AbortSignal,
): Promise<Place | null> {
  return afterPage(await pages.page({ before: cursor, limit: 1, signal }));
}

/** The position that a step from a cursor leads to, null being the end; null where there is none in that direction. */
export async function stepFrom(
  pages: EventPages,
  cursor: string | null,
  step: Step,
  signal: AbortSignal,
): Promise<Place | null> {
  const isForward = step === "next-event" || step === "next-run";
  if (isForward && cursor === null) return null;
  if (step === "next-run") return endOfRun(pages, "after", cursor, signal);
  if (step === "previous-run") return endOfRun(pages, "before", cursor, signal);
  const side = STEP_SIDES[step](cursor ?? "");
  const page = await pages.page({ ...side, limit: 1, signal });
  if (step === "previous-event") return page.hasBefore ? beforePage(page) : null;
  return page.events.length === 0 ? null : afterPage(page);
}

async function endOfRun(
  pages: EventPages,
  direction: "after" | "before",
  cursor: string | null,
  signal: AbortSignal,
): Promise<Place | null> {
  const search = {
    view: "compact",
    filter: ENDS_OF_RUNS,
    direction,
    from: cursor,
    signal,
  } as const;
  for await (const { found } of searchEvents(pages, search)) {
    const others = found.filter((row) => row.cursor !== cursor);
    const row = direction === "after" ? others[0] : others.at(-1);
    if (row) return placeOf(pages, row.cursor, signal);
  }
  return null;
}

function afterPage({ end, endOffset, size }: EventPage): Place | null {
  return end === null ? null : { cursor: end, offset: endOffset, size };
}

function beforePage({ start, startOffset, size }: EventPage): Place | null {
  return start === null ? null : { cursor: start, offset: startOffset, size };
}
