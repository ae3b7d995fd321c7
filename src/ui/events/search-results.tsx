import { Failure } from "../components/notice.tsx";
import { EventList } from "./event-list.tsx";
import type { Search } from "./use-search.ts";

export interface SearchResultsProps {
  readonly search: Search;
  readonly chosen: string | null;
  readonly onChoose: (cursor: string) => void;
}

/** What a search has found, what of the history it has looked at, and what one can do about the rest. */
export function SearchResults({ search, chosen, onChoose }: SearchResultsProps) {
  const { state } = search;
  if (!state) return null;
  const { rows, searchedEvents, searchedBytes, size, status, error } = state;
  const share = size === 0 ? 100 : Math.min(100, (100 * searchedBytes) / size);
  return (
    <div class="search-results">
      <div class="row">
        <p class="small" role="status">
          {rows.length.toLocaleString()} found, newest first, in {searchedEvents.toLocaleString()}{" "}
          events:{" "}
          {status === "done" ? "all of the log" : `the last ${share.toFixed(1)} % of the log`}
          {status === "running" && ", searching…"}
        </p>
        {status === "running" && (
          <button type="button" onClick={search.stop}>
            Stop
          </button>
        )}
        {status === "stopped" && (
          <button type="button" onClick={search.goOn}>
            Search on
          </button>
        )}
        <button type="button" onClick={search.clear}>
          Show all events
        </button>
      </div>
      {error !== null && (
        <Failure what="The search broke off" error={error} onRetry={search.goOn} />
      )}
      <EventList
        label="Events that were found"
        rows={rows}
        place={0}
        scrollTo={0}
        isFollowing={false}
        {...{ chosen, onChoose }}
      />
    </div>
  );
}
