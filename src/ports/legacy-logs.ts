import type { SessionKey } from "./log-store.ts";

/** A stream of bytes as the ports hand it out. */
type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * Logs that an older system left in the store's place, by the session's name alone: an event log, or
 * the messages of a still older format, or both. Whose they are is not for the store to say.
 *
 * **Consistency.** Of callers that take over one legacy log at once, one does. What was taken over is a
 * log of the store from then on, in one step: with all its events and all that comes with it, or not
 * at all, also across a crash.
 *
 * **Failures** are those of `LogStore`; the old data are then where they were.
 */
export interface LegacyLogs {
  /** Whether a legacy log of this name lies there that nobody has taken over. */
  has(session: string): Promise<boolean>;

  /**
   * Makes the legacy log of the session's name the log of `key`: its events, to the byte, are the
   * beginning of the raw log (a torn last line gets its line end), `edits` (whole lines) is its edits
   * log. False if there is no legacy log, or `key` has a log already.
   */
  takeOver(key: SessionKey, edits: Uint8Array): Promise<boolean>;

  /**
   * Where the legacy log had messages and no event log: makes what `convert` makes of the messages - one
   * line in pieces, or nothing - the raw log, then notes that the messages are migrated. Does nothing
   * otherwise, and nothing twice. Throws also what `convert` throws; nothing has happened then.
   */
  migrate(
    key: SessionKey,
    logId: string,
    convert: (messages: Bytes) => AsyncIterable<Uint8Array>,
  ): Promise<void>;

  /** The messages that came with a log, migrated or not, as JSON lines; null if there were none. */
  messages(key: SessionKey, logId: string): Promise<Bytes | null>;

  /**
   * Makes these the messages that came with a log, migrated ones, on the device when it resolves: for
   * a log that was somewhere else meanwhile. Throws also what `messages` throws; nothing has happened
   * then. Throws `log-not-found` if there is no such log.
   */
  putMessages(key: SessionKey, logId: string, messages: AsyncIterable<Uint8Array>): Promise<void>;
}
