import type { LiveFeed } from "../../ports/live-feed.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { BoundedMap } from "../../stream/sync/bounded-map.ts";
import type { IsInFlight, RunsInFlight } from "../runs/runs-in-flight.ts";
import type { SessionEvents } from "../session/session-events.ts";
import { SHUTDOWN, UNFINISHED } from "../model/run-end-reasons.ts";
import { type DeafRunners, ThreadListener, type ThreadListenerOptions } from "./thread-listener.ts";

export interface BackgroundEventsOptions extends Omit<
  ThreadListenerOptions,
  "key" | "logId" | "threadId" | "isInFlight" | "deaf"
> {
  readonly feed: LiveFeed;
  readonly events: Pick<SessionEvents, "on">;
  /** Where it is recorded which runs are in flight here. Default: nowhere. */
  readonly inFlight?: Pick<RunsInFlight, "add">;
  /** Whether this posted run is active, waits or wraps up; null asks for any. */
  readonly isInFlight: IsInFlight;
}

/** A subscribed thread of the session, and the log that the session has. */
interface SubscribedThread {
  readonly threadId: string;
  readonly logId: string;
}

/**
 * Subscribes to background events, which runners send between posted runs, and stores them like any
 * event. There is at most one connection for each session. It does not keep the session's state in
 * memory, and ends when that is released or the log is deleted.
 */
export interface BackgroundEvents {
  /**
   * Subscribes to this thread, and to no other of the session, from now on: a run was admitted to
   * it.
   */
  listen(key: SessionKey, thread: SubscribedThread): void;
  /**
   * Subscribes as `listen`, and goes on with a run that the runner began by itself and an earlier process has
   * left open, with its mark this process's. False if that cannot be.
   */
  takeUp(key: SessionKey, thread: SubscribedThread, runId: string): boolean;
  /** The open run that the session's runner began by itself, or null. */
  openRun(key: SessionKey): string | null;
  /** Whether this session is subscribed. */
  isSubscribed(key: SessionKey): boolean;
  /** Disconnects, until the session's next run. */
  stop(key: SessionKey): void;
  /** Sessions that are subscribed, or will be after a pause. */
  readonly size: number;
  /**
   * Disconnects all sessions and subscribes to none any more. Resolves when everything is stored.
   */
  close(): Promise<void>;
}

/** Most sessions whose runner is remembered to have no background events. */
const MAX_DEAF = 10_000;

export function createBackgroundEvents(options: BackgroundEventsOptions): BackgroundEvents {
  const { events, feed, inFlight, isInFlight } = options;
  const listeners = new Map<string, ThreadListener>();
  const addresses = new BoundedMap<string, string>(MAX_DEAF);
  let closed = false;

  const deaf: DeafRunners = {
    has: (key, address) => addresses.get(idOf(key)) === address,
    note: (key, address) => addresses.set(idOf(key), address),
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

  const backgroundEvents: BackgroundEvents = {
    get size() {
      return listeners.size;
    },

    listen(key, thread) {
      const known = listeners.get(idOf(key));
      if (closed || known?.isFor(thread)) return;
      known?.hangUp(UNFINISHED);
      // two connections at once would each get a part of the events
      start(key, thread, known?.done ?? Promise.resolve());
    },

    takeUp(key, thread, runId) {
      backgroundEvents.listen(key, thread);
      const listener = listeners.get(idOf(key));
      return listener?.isFor(thread) === true && listener.takeUp(runId);
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
  events.on("run-admitted", ({ key, threadId, logId }) =>
    backgroundEvents.listen(key, { threadId, logId }),
  );
  events.on("session-released", ({ key }) => backgroundEvents.stop(key));
  inFlight?.add((key, runId) => {
    const open = backgroundEvents.openRun(key);
    return open !== null && (runId === null || runId === open);
  });
  return backgroundEvents;
}
