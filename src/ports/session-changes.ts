import type { SessionKey } from "./log-store.ts";

/**
 * Hears of a session: its log was made, or the log's document replaced, and this is the log's id; or
 * the log was removed, then it is null.
 */
export type SessionListener = (key: SessionKey, logId: string | null) => void;

/**
 * What changes the sessions of a store, as it happens: each change is told before the promise of
 * whoever makes it is resolved, those of one session in their order.
 */
export interface SessionChanges {
  /** From now on `listener` is called for each change; what is returned ends that. */
  subscribe(listener: SessionListener): () => void;
}

/** Changes that a store tells by `tell`. */
export function createSessionChanges(): SessionChanges & { readonly tell: SessionListener } {
  const listeners = new Set<SessionListener>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(key, logId) {
      for (const listener of listeners) listener(key, logId);
    },
  };
}
