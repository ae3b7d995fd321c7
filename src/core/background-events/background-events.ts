import type { LiveFeed } from "../../ports/live-feed.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { SHUTDOWN, UNFINISHED } from "../model/run-end-reasons.ts";
import { type DeafRunners, ThreadListener, type ThreadListenerOptions } from "./thread-listener.ts";

export interface BackgroundEventsOptions extends Omit<
  ThreadListenerOptions,
  "key" | "logId" | "threadId" | "isInFlight" | "deaf"
> {
  readonly feed: LiveFeed;
  /** Whether this run that was posted is active, waits or wraps up; null asks for any. */
  readonly isInFlight: (key: SessionKey, runId: string | null) => boolean;
}

/** What is listened to: a thread of the session, for the log that it has. */
interface SubscribedThread {
  readonly threadId: string;
  readonly logId: string;
}

/**
 * Hears what runners say between the runs that are posted to them, and stores it like any event. At
 * most one connection a session. It is no use of the session's state, and ends when that is let go
 * or the log is deleted.
 */
export interface BackgroundEvents {
  /** Listens to this thread from now on, and to no other of the session: a run was admitted to it. */
  listen(key: SessionKey, thread: SubscribedThread): void;
  /** The run that the session's runner began by itself and that is open, or null. */
  openRun(key: SessionKey): string | null;
  /** Whether this session is listened to. */
  isSubscribed(key: SessionKey): boolean;
  /** Hangs up, until the session's next run. */
  stop(key: SessionKey): void;
  /** Sessions that are listened to, or will be after a pause. */
  readonly size: number;
  /** Hangs up everywhere and listens no more. Resolves when everything is stored. */
  close(): Promise<void>;
}

/** So many sessions of which it is remembered that their runner has no background events. */
const MAX_DEAF = 10_000;

export function createBackgroundEvents(options: BackgroundEventsOptions): BackgroundEvents {
  const { isInFlight, feed } = options;
  const listeners = new Map<string, ThreadListener>();
  const addresses = new Map<string, string>();
  let closed = false;

  const deaf: DeafRunners = {
    has: (key, address) => addresses.get(idOf(key)) === address,

    note(key, address) {
      addresses.delete(idOf(key));
      addresses.set(idOf(key), address);
      const [oldest] = addresses.keys();
      if (addresses.size > MAX_DEAF && oldest !== undefined) addresses.delete(oldest);
    },
  };

  function start(key: SessionKey, thread: SubscribedThread, after: Promise<void>): void {
    const id = idOf(key);
    const own = {
      ...thread,
      key,
      deaf,
      isInFlight: (runId: string | null) => isInFlight(key, runId),
    };
    const listener = new ThreadListener({ ...options, ...own }, after);
    listeners.set(id, listener);
    const unsubscribe = feed.subscribe(key, ({ logId }) => {
      if (logId !== thread.logId) listener.hangUp(UNFINISHED);
    });
    void listener.done.then(() => {
      unsubscribe();
      if (listeners.get(id) === listener) listeners.delete(id);
    });
  }

  return {
    get size() {
      return listeners.size;
    },

    listen(key, thread) {
      const known = listeners.get(idOf(key));
      if (closed || known?.isFor(thread)) return;
      known?.hangUp(UNFINISHED);
      // two at once would each get a part of what the runner says
      start(key, thread, known?.done ?? Promise.resolve());
    },

    openRun: (key) => listeners.get(idOf(key))?.openRun ?? null,
    isSubscribed: (key) => listeners.has(idOf(key)),

    stop(key) {
      listeners.get(idOf(key))?.hangUp(UNFINISHED);
    },

    async close() {
      closed = true;
      const open = [...listeners.values()];
      for (const listener of open) listener.hangUp(SHUTDOWN);
      await Promise.all(open.map(({ done }) => done));
    },
  };
}
