import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import { type ArrivalEntry, decodeArrival, ENTRY_BYTES } from "./arrival-entries.ts";

/** The log `times` of a log, up to an end. */
interface TimesLog {
  readonly logId: string;
  readonly end: number;
}

export interface ArrivalLookup {
  /**
   * When what lies at an offset of the raw log arrived, epoch ms; null where that is not known. Throws what the store throws.
   */
  at(offset: number): Promise<number | null>;
}

type Store = Pick<LogReader, "read">;

/** Entries that are read at once, where the one that is looked for must be. */
const PAGE_ENTRIES = 2_048;

/** The last entry, or null. */
export async function lastArrival(
  store: Store,
  key: SessionKey,
  { logId, end }: TimesLog,
): Promise<ArrivalEntry | null> {
  const count = Math.floor(end / ENTRY_BYTES);
  const bytes = count > 0 ? await entriesOf(store, key, logId, count - 1, count) : null;
  return bytes && decodeArrival(bytes, 0);
}

/**
 * Looks times up by halving; lookups of places that are near each other read once. `waiting` are entries after those of the
 * log.
 */
export function createArrivalLookup(
  store: Store,
  key: SessionKey,
  { logId, end }: TimesLog,
  waiting: readonly ArrivalEntry[],
): ArrivalLookup {
  const count = Math.floor(end / ENTRY_BYTES);
  /** The entries that were read last. */
  let page: ArrivalEntry[] = [];
  let pageEnd = 0;

  /** Whether the last entry at or before an offset is among those that were read last. */
  function isRead(offset: number): boolean {
    const [first, last] = [page[0], page.at(-1)];
    if (!first || !last || first.offset > offset) return false;
    return last.offset > offset || pageEnd === count;
  }

  async function readAround(offset: number): Promise<void> {
    let [low, high] = [0, count];
    while (high - low > PAGE_ENTRIES) {
      const middle = (low + high) >> 1;
      const found = decodeArrival(await entriesOf(store, key, logId, middle, middle + 1), 0);
      if (found && found.offset <= offset) low = middle;
      else high = middle;
    }
    pageEnd = Math.min(count, low + PAGE_ENTRIES + 1);
    const bytes = await entriesOf(store, key, logId, low, pageEnd);
    page = [];
    for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
      const entry = decodeArrival(bytes, at);
      if (entry) page.push(entry);
    }
  }

  return {
    async at(offset) {
      const late = waiting.findLast((entry) => entry.offset <= offset);
      if (late) return late.ms;
      if (!isRead(offset)) await readAround(offset);
      return lastUpTo(page, offset)?.ms ?? null;
    },
  };
}

function lastUpTo(entries: readonly ArrivalEntry[], offset: number): ArrivalEntry | undefined {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  return entries[low - 1];
}

async function entriesOf(
  store: Store,
  key: SessionKey,
  logId: string,
  from: number,
  to: number,
): Promise<Uint8Array> {
  const range = { logId, log: "times", start: from * ENTRY_BYTES, end: to * ENTRY_BYTES } as const;
  const bytes = new Uint8Array(range.end - range.start);
  let at = 0;
  for await (const chunk of store.read(key, range)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes.subarray(0, at);
}
