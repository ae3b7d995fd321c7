import type { ListedLog } from "../../src/ports/log-store.ts";
import { searchFor } from "../../src/ports/session-order.ts";
import type { LoopTurns } from "../../src/stream/loop-turns.ts";
import type { RowTexts } from "./row-cache.ts";

export interface SearchOptions {
  readonly turns: LoopTurns;
  /** What is known of a row already, or null. */
  readonly known: (log: ListedLog) => RowTexts | null;
  /** Reads it; null if the session has gone. */
  readonly read: (log: ListedLog) => Promise<RowTexts | null>;
  readonly signal?: AbortSignal | undefined;
}

/** Rows that are looked at before others have their turn. */
const AT_ONCE = 64;

/** Those of the rows that hold `search`, in their order. */
export async function searchRows(
  rows: readonly ListedLog[],
  search: string,
  { known, read, signal, turns }: SearchOptions,
): Promise<ListedLog[]> {
  const matches = searchFor(search);
  const found: ListedLog[] = [];
  for (let at = 0; at < rows.length; at += AT_ONCE) {
    signal?.throwIfAborted();
    const part = rows.slice(at, at + AT_ONCE);
    await turns.run(async () => {
      const all = part.map((log) => known(log));
      const texts = all.includes(null) ? await Promise.all(part.map((log) => read(log))) : all;
      for (const [i, log] of part.entries()) {
        const own = texts[i];
        if (own && matches({ session: log.session, ...own })) found.push(log);
      }
    });
  }
  return found;
}
