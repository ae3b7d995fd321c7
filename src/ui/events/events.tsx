import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Empty, Failure, Loading } from "../components/notice.tsx";
import type { ViewProps } from "../session/view.ts";
import { EventDetail } from "./event-detail.tsx";
import { EventFeed, type FeedPlace, type FeedState } from "./event-feed.ts";
import { EventList, type ListView } from "./event-list.tsx";
import type { HistoryView } from "./event-pages.ts";
import { EventWindow } from "./event-window.ts";
import { FilterForm } from "./filter-form.tsx";
import { startOfRun } from "./find-place.ts";
import { GotoForm } from "./goto-form.tsx";
import { PositionRail } from "./position-rail.tsx";
import { SearchResults } from "./search-results.tsx";
import { useSearch } from "./use-search.ts";
import "./events.css";

/** So many rows before an end of what is loaded the next page is asked for. */
const NEAR_ROWS = 60;

/** All events of a session, as a list that is scrolled through by pages and followed at its end. */
export function Events({ session, at, run, go, linkTo }: ViewProps) {
  const [view, setView] = useState<HistoryView>("compact");
  const { state, feed, place, goTo } = useFeed(session, view, { at, run });
  const search = useSearch(session, view);
  const [chosen, setChosen] = useState<string | null>(null);
  const [top, setTop] = useState(0);
  useEffect(() => setChosen(at), [at]);
  const { window } = state;

  const onView = ({ first, last, isAtEnd, isLeft }: ListView): void => {
    setTop(first);
    if (state.isLoading || state.error !== null) return;
    if (isAtEnd && !window.hasAfter) feed?.follow();
    else if (isLeft) feed?.unfollow();
    if (first < NEAR_ROWS) void feed?.loadBefore();
    else if (last > window.rows.length - NEAR_ROWS) void feed?.loadAfter();
  };
  const goToShare = (share: number): void => {
    if (share >= 1) goTo({ kind: "end" });
    else if (share <= 0) goTo({ kind: "start" });
    else goTo({ kind: "offset", offset: share * window.size });
  };
  const showInPlace = (cursor: string): void => {
    search.clear();
    goTo({ kind: "at", cursor });
  };
  const share = state.isLive ? 1 : window.offsetOf(top) / Math.max(1, window.size);
  const scrollTo = scrollTarget(place, window);
  return (
    <div class="events">
      <div class="row events-tools">
        <label>
          <span class="unseen">Which events</span>
          <select
            value={view}
            onChange={({ currentTarget }) =>
              setView(currentTarget.value === "raw" ? "raw" : "compact")
            }
          >
            <option value="compact">Compact</option>
            <option value="raw">As stored</option>
          </select>
        </label>
        <FilterForm onFilter={(filter) => (filter ? search.begin(filter) : search.clear())} />
        <GotoForm
          {...{ session, view }}
          onPlace={(found) => {
            search.clear();
            if (found.kind === "at") setChosen(found.cursor);
            goTo(found);
          }}
        />
        <button type="button" onClick={() => goTo({ kind: "start" })}>
          Start
        </button>
        <button
          type="button"
          aria-pressed={state.isLive}
          onClick={() => {
            if (at !== null || run !== null) go({ at: null, run: null });
            goTo({ kind: "end" });
          }}
        >
          {state.isLive ? "Live" : "Go live"}
        </button>
      </div>
      {state.error !== null && (
        <Failure
          what="The events could not be read"
          error={state.error}
          onRetry={() => goTo({ kind: "end" })}
        />
      )}
      <div class={chosen === null ? "events-body" : "events-body with-detail"}>
        {search.state ? (
          <SearchResults search={search} chosen={chosen} onChoose={setChosen} />
        ) : window.rows.length > 0 ? (
          <div class="events-scroll">
            <EventList
              label="Events, oldest first"
              rows={window.rows}
              place={state.place}
              isFollowing={state.isLive}
              onChoose={setChosen}
              {...{ scrollTo, chosen, onView }}
            />
            <PositionRail share={share} onMove={goToShare} />
          </div>
        ) : state.isLoading ? (
          <Loading what="events" />
        ) : (
          state.error === null && (
            <Empty>There are no events yet. They are shown as they come.</Empty>
          )
        )}
        {chosen !== null && (
          <EventDetail
            key={chosen}
            session={session}
            cursor={chosen}
            stateHref={linkTo({ view: "state", at: chosen, run: null })}
            onShowInPlace={search.state ? () => showInPlace(chosen) : null}
            onClose={() => setChosen(null)}
          />
        )}
      </div>
    </div>
  );
}

/** A feed of the session that begins where the link says, and what it has. */
function useFeed(
  session: ViewProps["session"],
  view: HistoryView,
  { at, run }: Pick<ViewProps, "at" | "run">,
): { state: FeedState; feed: EventFeed | null; place: FeedPlace; goTo: (to: FeedPlace) => void } {
  const [state, setState] = useState<FeedState>(NOTHING);
  const [place, setPlace] = useState<FeedPlace>({ kind: "end" });
  const feed = useRef<EventFeed | null>(null);
  const goTo = useCallback((to: FeedPlace): void => {
    setPlace(to);
    void feed.current?.goTo(to);
  }, []);
  useEffect(() => {
    const leaving = new AbortController();
    const made = new EventFeed(session, view, (next) => !leaving.signal.aborted && setState(next));
    feed.current = made;
    void firstPlace(session, { at, run }, leaving.signal).then(
      (to) => !leaving.signal.aborted && goTo(to),
      (error: unknown) =>
        !leaving.signal.aborted && setState({ ...NOTHING, isLoading: false, error }),
    );
    return () => {
      leaving.abort();
      made.close();
    };
  }, [session, view, at, run, goTo]);
  return { state, feed: feed.current, place, goTo };
}

async function firstPlace(
  session: ViewProps["session"],
  { at, run }: Pick<ViewProps, "at" | "run">,
  signal: AbortSignal,
): Promise<FeedPlace> {
  if (at !== null) return { kind: "at", cursor: at };
  const cursor = run === null ? null : await startOfRun(session, run, signal);
  return cursor === null ? { kind: "end" } : { kind: "after", cursor };
}

function scrollTarget(place: FeedPlace, { rows }: EventWindow): number | "end" {
  if (place.kind === "end") return "end";
  if (place.kind !== "at") return 0;
  return Math.max(
    0,
    rows.findIndex(({ cursor }) => cursor === place.cursor),
  );
}

const NOTHING: FeedState = {
  window: EventWindow.EMPTY,
  place: 0,
  isLoading: true,
  isLive: false,
  error: null,
};
