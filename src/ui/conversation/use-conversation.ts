import { useEffect, useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import { pushEvent } from "./push-event.ts";
import { Transcript } from "./transcript.ts";

/** A conversation as far as it is known. */
export interface Conversation {
  /** Changed in place; null until the first answer. */
  readonly transcript: Transcript | null;
  /** The position that is shown, which is not the one that is asked for until the answer is there. Null: now. */
  readonly at: string | null;
  /** Of the last question; the conversation is still what it was. */
  readonly error: unknown;
  /** Whether there is more before what is shown. */
  readonly hasEarlier: boolean;
  /** The session was deleted while it was shown. */
  readonly isGone: boolean;
}

const NOTHING: Conversation = {
  transcript: null,
  at: null,
  error: null,
  hasEarlier: false,
  isGone: false,
};

/**
 * The end of a session's conversation, of at most `limit` events, then what comes; or all of it as it was at a cursor. Another
 * `round` reads it anew.
 */
export function useConversation(
  session: SessionApi,
  {
    at,
    limit,
    round,
  }: { readonly at: string | null; readonly limit: number; readonly round: number },
): Conversation {
  const [state, setState] = useState(NOTHING);

  // what is shown stays while more of it is read
  useEffect(() => setState(NOTHING), [session]);

  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const show = (change: Partial<Conversation>): void => {
      if (!signal.aborted) setState((now) => ({ ...now, ...change }));
    };
    const reading =
      at === null ? follow(session, limit, signal, show) : look(session, at, signal, show);
    reading.catch((error: unknown) => show({ error }));
    return () => leaving.abort();
  }, [session, at, limit, round]);

  return state;
}

type Show = (change: Partial<Conversation>) => void;

async function look(
  session: SessionApi,
  at: string,
  signal: AbortSignal,
  show: Show,
): Promise<void> {
  const { messages, open, interrupts } = await session.snapshot(at, { signal });
  const transcript = new Transcript();
  if (messages === null) transcript.note("The messages are too many to be shown here at once.");
  transcript.snapshot(messages ?? []);
  for (const event of open) pushEvent(transcript, event);
  transcript.questions.take(interrupts ?? []);
  show({ transcript, at, error: null, hasEarlier: false, isGone: false });
}

async function follow(
  session: SessionApi,
  limit: number,
  signal: AbortSignal,
  show: Show,
): Promise<void> {
  const { events, end, hasBefore } = await session.page({ limit, signal });
  let transcript = new Transcript();
  for (const event of events) pushEvent(transcript, event);
  show({ transcript, at: null, error: null, hasEarlier: hasBefore, isGone: false });

  const paint = oncePerFrame(() => show({ transcript, error: null }), signal);
  for await (const { event, replay } of session.events({ after: end, signal })) {
    if (replay !== null) {
      transcript = new Transcript();
      show({ hasEarlier: false });
    }
    pushEvent(transcript, event);
    paint();
  }
  show({ isGone: true });
}

/** As often as the screen is painted; in a page that nobody sees, now and then. */
function oncePerFrame(run: () => void, signal: AbortSignal): () => void {
  let isDue = false;
  const now = (): void => {
    isDue = false;
    if (!signal.aborted) run();
  };
  return () => {
    if (isDue) return;
    isDue = true;
    if (document.hidden) setTimeout(now, 250);
    else requestAnimationFrame(now);
  };
}
