import { useEffect, useRef, useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import type { EventFilter } from "./event-filter.ts";
import type { HistoryView } from "./event-pages.ts";
import type { EventRow } from "./event-row.ts";
import { searchEvents } from "./search-events.ts";

/** What a search has found so far, newest first. */
interface SearchState {
  readonly filter: EventFilter;
  readonly rows: readonly EventRow[];
  readonly searchedEvents: number;
  readonly searchedBytes: number;
  readonly size: number;
  /** From where it goes on; null from the end. */
  readonly next: string | null;
  readonly status: "running" | "stopped" | "done";
  readonly error: unknown;
}

/** So many are found at once; then the search waits to be told to go on. */
const ENOUGH_ROWS = 500;

export interface Search {
  /** Null: nothing is searched for. */
  readonly state: SearchState | null;
  readonly begin: (filter: EventFilter) => void;
  readonly stop: () => void;
  readonly goOn: () => void;
  /** Forgets it. */
  readonly clear: () => void;
}

/** Searches the history from its end backwards, until there is enough, it is stopped, or its start is reached. */
export function useSearch(session: SessionApi, view: HistoryView): Search {
  const [state, setState] = useState<SearchState | null>(null);
  const running = useRef<AbortController | null>(null);

  const run = async (from: SearchState): Promise<void> => {
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    const { signal } = stop;
    const enough = from.rows.length + ENOUGH_ROWS;
    let now: SearchState = { ...from, status: "running", error: null };
    const set = (next: SearchState): void => {
      now = next;
      if (running.current === stop) setState(now);
    };
    set(now);
    try {
      const options = { view, filter: from.filter, direction: "before", from: from.next } as const;
      for await (const step of searchEvents(session, { ...options, signal })) {
        const rows = [...now.rows, ...step.found.toReversed()];
        const isEnough = rows.length >= enough;
        set({
          ...now,
          rows,
          searchedEvents: from.searchedEvents + step.searchedEvents,
          searchedBytes: from.searchedBytes + step.searchedBytes,
          size: step.size,
          next: step.next,
          status: step.isDone ? "done" : isEnough ? "stopped" : "running",
        });
        if (isEnough) break;
      }
    } catch (error) {
      if (!signal.aborted) set({ ...now, error, status: "stopped" });
    }
  };

  const stop = (): void => {
    running.current?.abort();
    setState((now) => now && { ...now, status: now.status === "done" ? "done" : "stopped" });
  };
  const clear = (): void => {
    running.current?.abort();
    setState(null);
  };
  // another session, or another view of it, has other results
  useEffect(() => clear, [session, view]);
  return {
    state,
    begin: (filter) => void run({ ...NOTHING, filter }),
    stop,
    goOn: () => state && void run(state),
    clear,
  };
}

const NOTHING = {
  rows: [],
  searchedEvents: 0,
  searchedBytes: 0,
  size: 0,
  next: null,
  status: "running",
  error: null,
} as const;
