import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Empty, Failure, Loading } from "../components/notice.tsx";
import type { ViewProps } from "../session/view.ts";
import { Answers } from "./answers.tsx";
import { Composer } from "./composer.tsx";
import { ConversationItem } from "./message.tsx";
import { useConversation } from "./use-conversation.ts";
import "./conversation.css";

/** So many events are read at first; more are read when they are asked for. */
const FIRST_EVENTS = 2_000;
const MAX_EVENTS = 10_000;
/** So many items are in the page at once, of those that were read. */
const FIRST_ITEMS = 100;
/** Within so many pixels of the end a reader follows it. */
const NEAR_END = 120;

/** What was said, as it is being said; or as it was at a position. */
export function Conversation({ session, at, go, linkTo }: ViewProps) {
  const [limit, setLimit] = useState(FIRST_EVENTS);
  const [count, setCount] = useState(FIRST_ITEMS);
  const [round, setRound] = useState(0);
  const conversation = useConversation(session, { at, limit, round });
  const { transcript, error, hasEarlier, isGone } = conversation;
  const isStale = transcript !== null && conversation.at !== at;
  useEffect(() => setCount(FIRST_ITEMS), [session, at]);
  useFollowedEnd(at === null);

  const items = transcript?.items ?? [];
  const questions = transcript?.questions.open ?? [];
  const hidden = Math.max(0, items.length - count);
  const isWorking = (transcript?.openRuns.size ?? 0) > 0;
  const earlier = (): void => {
    if (hidden > 0) setCount(count + FIRST_ITEMS);
    else setLimit(MAX_EVENTS);
  };

  return (
    <div class="conversation">
      {conversation.at !== null && (
        <p class="notice warn" role="status">
          This is the conversation as it was.{" "}
          <a href={linkTo({ at: null })}>Show it as it is now</a>
        </p>
      )}
      {error !== null && (
        <Failure
          what="The conversation could not be read"
          error={error}
          onRetry={() => setRound(round + 1)}
        />
      )}
      {isGone && (
        <Failure what="The session was deleted" error="What is shown was read before that." />
      )}
      {transcript === null && error === null && <Loading what="the conversation" />}
      {(hidden > 0 || (hasEarlier && limit < MAX_EVENTS)) && (
        <button type="button" onClick={earlier}>
          Show earlier
        </button>
      )}
      {hidden === 0 && (hasEarlier || transcript?.isCut) && limit >= MAX_EVENTS && (
        <p class="small quiet">
          What came before is in <a href={linkTo({ view: "events" })}>the events</a>, or can be seen
          as it was from <a href={linkTo({ view: "runs" })}>a run</a>.
        </p>
      )}
      {transcript !== null && items.length === 0 && <Empty>Nothing was said yet.</Empty>}
      <ol class={isStale ? "items stale" : "items"} aria-label="Conversation" aria-busy={isStale}>
        {items.slice(hidden).map((item) => (
          <ConversationItem key={item.id} item={item} />
        ))}
      </ol>
      <p class="small quiet" role="status">
        {isWorking && "The agent works…"}
      </p>
      {at === null && !isGone && (
        <>
          <Answers session={session} questions={questions} />
          <Composer session={session} />
        </>
      )}
      {at !== null && (
        <p>
          <button type="button" onClick={() => go({ at: null })}>
            Back to now
          </button>
        </p>
      )}
    </div>
  );
}

/** Keeps the end of the page in sight for who is there, and leaves others where they read. */
function useFollowedEnd(isLive: boolean): void {
  const isAtEnd = useRef(true);
  useEffect(() => {
    const look = (): void => {
      const { scrollHeight, clientHeight } = document.documentElement;
      isAtEnd.current = scrollHeight - clientHeight - window.scrollY < NEAR_END;
    };
    window.addEventListener("scroll", look, { passive: true });
    return () => window.removeEventListener("scroll", look);
  }, []);
  useLayoutEffect(() => {
    if (isLive && isAtEnd.current) window.scrollTo(0, document.documentElement.scrollHeight);
  });
}
