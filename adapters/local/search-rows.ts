import type { ListedLog } from "../../src/ports/log-store.ts";
import { searchFor } from "../../src/ports/session-order.ts";
import { filterInTurns, type FilterOptions } from "../../src/stream/sync/filter-in-turns.ts";
import type { RowTexts } from "./row-cache.ts";

export interface SearchOptions extends FilterOptions {
  /** The cached texts of a row, or null. */
  readonly known: (log: ListedLog) => RowTexts | null;
  /** Reads it; null if the session has gone. */
  readonly read: (log: ListedLog) => Promise<RowTexts | null>;
}

/** Those of the rows that hold `search`, in their order. */
export function searchRows(
  rows: readonly ListedLog[],
  search: string,
  { known, read, ...options }: SearchOptions,
): Promise<ListedLog[]> {
  const matches = searchFor(search);

  async function choose(part: readonly ListedLog[]): Promise<ListedLog[]> {
    const all = part.map((log) => known(log));
    const texts = all.includes(null) ? await Promise.all(part.map((log) => read(log))) : all;
    return part.filter(({ session }, i) => {
      const own = texts[i];
      return own ? matches({ session, ...own }) : false;
    });
  }

  return filterInTurns(rows, choose, options);
}
