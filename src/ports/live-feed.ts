import type { SessionKey } from "./log-store.ts";

/** That a session's raw log has grown, been replaced or gone. A position, never an event. */
export interface LogGrowth extends SessionKey {
  /** The log as it is now, or null when the session was deleted. */
  readonly logId: string | null;
  /** End of the raw log in bytes, 0 when deleted. */
  readonly end: number;
}

/**
 * Says that logs have grown.
 *
 * **Consistency.** At most once, and in order per session from one publisher: an announcement may
 * be lost or repeated, never made up, and an end may be stale by the time it arrives. Readers
 * therefore take it as a hint to look and also look for themselves every few seconds. A listener
 * hears what is published after `subscribe` has returned, never about another session.
 */
export interface LiveFeed {
  /** Announces growth to whoever listens. Never throws, never waits. */
  publish(growth: LogGrowth): void;

  /**
   * Calls `listener` for each announcement about `key` until the returned function is called.
   * Listeners run in no particular order; one that throws does not keep others from hearing.
   */
  subscribe(key: SessionKey, listener: (growth: LogGrowth) => void): () => void;
}
