import type { SessionKey } from "./log-store.ts";

/**
 * An announcement that a session's raw log has grown, was replaced or deleted: a position, never an
 * event.
 */
export interface LogGrowth extends SessionKey {
  /** The log as it is now, or null when the session was deleted. */
  readonly logId: string | null;
  /** End of the raw log in bytes, 0 when deleted. */
  readonly end: number;
}

/**
 * Announces that logs have grown.
 *
 * **Consistency.** At most once, and in order per session from one publisher: an announcement may
 * be lost or repeated, never made up, and an end may be stale by the time it arrives. Readers
 * therefore take it as a hint to read, and also ask the store every few seconds. A listener is
 * called for what is published after `subscribe` has returned, never for another session.
 */
export interface LiveFeed {
  /** Announces growth to all listeners. Never throws, never waits. */
  publish(growth: LogGrowth): void;

  /**
   * Calls `listener` for each announcement about `key` until the returned function is called.
   * Listeners run in no particular order; one that throws does not keep others from being called.
   */
  subscribe(key: SessionKey, listener: (growth: LogGrowth) => void): () => void;
}
