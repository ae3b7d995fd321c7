import { useEffect, useRef, useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import type { FeedPlace } from "./event-feed.ts";
import type { HistoryView } from "./event-pages.ts";
import { findPlace } from "./find-place.ts";

export interface GotoFormProps {
  readonly session: SessionApi;
  readonly view: HistoryView;
  readonly onPlace: (place: FeedPlace) => void;
}

/** Goes to a cursor, a run or a time. */
export function GotoForm({ session, view, onPlace }: GotoFormProps) {
  const [said, setSaid] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const looking = useRef<AbortController | null>(null);
  useEffect(() => () => looking.current?.abort(), [session, view]);
  const find = async (text: string): Promise<void> => {
    looking.current?.abort();
    const stop = new AbortController();
    looking.current = stop;
    setSaid("Looking…");
    try {
      const place = await findPlace(session, text, { view, signal: stop.signal });
      if (stop.signal.aborted) return;
      setSaid(place ? "" : `The session has no such cursor, run or time`);
      if (place) onPlace(place);
    } catch (error) {
      if (!stop.signal.aborted) setSaid(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        const text = input.current?.value.trim() ?? "";
        if (text !== "") void find(text);
      }}
    >
      <input
        ref={input}
        name="place"
        aria-label="Go to a cursor, a run or a time"
        placeholder="Cursor, run or time"
        title="Such as 2026-12-01 14:30"
        autocomplete="off"
      />
      <button type="submit">Go</button>
      <span class="small" role="status">
        {said}
      </span>
    </form>
  );
}
