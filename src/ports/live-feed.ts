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

export interface SubscribeOptions {
  /**
   * `here`: only what this process publishes itself, which costs other processes nothing. Default
   * `anywhere`.
   */
  readonly from?: "here" | "anywhere";
}

/**
 * Announces that logs have grown.
 *
 * **Consistency.** At most once, and in order per session from one publisher: an announcement may
 * be lost or repeated, never made up, and an end may be stale by the time it arrives; of several
 * that follow closely only the last may arrive elsewhere. Readers therefore take it as a hint to read,
 * and also ask the store every few seconds. A listener is called for what this process publishes
 * after `subscribe` has returned, for what others publish a moment later, and never for another session.
 */
export interface LiveFeed {
  /**
   * Whether announcements of other processes come in now. As long as they do not, readers ask the
   * store more often, and once more when they do again.
   */
  readonly hearsOthers: boolean;

  /** Announces growth to all listeners. Never throws, never waits. */
  publish(growth: LogGrowth): void;

  /**
   * Calls `listener` for each announcement about `key` until the returned function is called.
   * Listeners run in no particular order; one that throws does not keep others from being called.
   */
  subscribe(
    key: SessionKey,
    listener: (growth: LogGrowth) => void,
    options?: SubscribeOptions,
  ): () => void;
}
