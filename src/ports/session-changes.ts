import type { SessionKey } from "./log-store.ts";

/**
 * Called with a session and the id of its log when the log was made or its document replaced; with
 * null when the log was removed.
 */
export type SessionListener = (key: SessionKey, logId: string | null) => void;

/**
 * Changes of a store's sessions, as they happen: listeners are called for a change before the
 * promise of its caller resolves, and for the changes of one session in their order.
 */
export interface SessionChanges {
  /** Calls `listener` for each change from now on, until the returned function is called. */
  subscribe(listener: SessionListener): () => void;
}

/** The changes of a store, which reports them by `announce`. */
export function createSessionChanges(): SessionChanges & { readonly announce: SessionListener } {
  const listeners = new Set<SessionListener>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    announce(key, logId) {
      for (const listener of listeners) listener(key, logId);
    },
  };
}
