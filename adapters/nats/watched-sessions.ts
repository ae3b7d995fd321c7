import type { SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import type { NatsConnectionLike } from "./connection.ts";
import { subjectOf } from "./message.ts";

export interface WatchedSessionsOptions {
  readonly prefix: string;
  /** Called with each message about a session that is watched. */
  readonly onMessage: (key: SessionKey, data: Uint8Array) => void;
  /** Called when the server refuses a subscription. */
  readonly onRefused: (error: Error) => void;
}

/** The sessions that somebody here watches, each with one subscription. */
export interface WatchedSessions {
  /** Subscribes to the session; returns an idempotent function that ends that with the last watcher. */
  watch(key: SessionKey): () => void;
  /** Subscribes to all of them over a new connection. */
  connect(connection: NatsConnectionLike): void;
}

interface Watched {
  readonly key: SessionKey;
  watchers: number;
  subscription: { unsubscribe(): void } | null;
}

export function createWatchedSessions(options: WatchedSessionsOptions): WatchedSessions {
  const { prefix, onMessage, onRefused } = options;
  const watched = new Map<string, Watched>();
  let latest: NatsConnectionLike | null = null;

  function subscribe(connection: NatsConnectionLike, one: Watched): void {
    try {
      one.subscription = connection.subscribe(subjectOf(prefix, one.key), {
        callback: (error, { data }) => (error ? onRefused(error) : onMessage(one.key, data)),
      });
    } catch {
      // closed a moment ago: the next connection gets all subscriptions
      one.subscription = null;
    }
  }

  return {
    watch({ project, session }) {
      const key = { project, session };
      const id = idOf(key);
      const one = watched.get(id) ?? { key, watchers: 0, subscription: null };
      watched.set(id, one);
      one.watchers++;
      if (one.watchers === 1 && latest) subscribe(latest, one);
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        one.watchers--;
        if (one.watchers > 0) return;
        watched.delete(id);
        one.subscription?.unsubscribe();
      };
    },

    connect(connection) {
      latest = connection;
      for (const one of watched.values()) subscribe(connection, one);
    },
  };
}
