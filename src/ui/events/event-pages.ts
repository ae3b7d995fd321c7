import type { EventPage, PageQuery } from "../../client/index.ts";

/** Where pages of a session's events come from. */
export interface EventPages {
  page(query: PageQuery & { readonly signal?: AbortSignal }): Promise<EventPage>;
}

/** Which of the two histories is looked at: as it was stored, or with finished runs compacted. */
export type HistoryView = "raw" | "compact";

/** The view as a page is asked for it. */
export function viewQuery(view: HistoryView): Pick<PageQuery, "view"> {
  return view === "raw" ? { view } : {};
}
