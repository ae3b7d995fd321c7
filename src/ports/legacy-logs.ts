import type { SessionKey } from "./log-store.ts";

/** A stream of bytes as the ports hand it out. */
type Bytes = ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * Logs that an older system left in the store's place, by the session's name alone: an event log,
 * or the messages of a still older format, or both. The store does not decide whose they are.
 *
 * **Consistency.** Of callers that import one legacy log at once, one succeeds. An imported log is
 * a log of the store from then on, in one step: with all its events and all that comes with it, or
 * not at all, also across a crash.
 *
 * **Failures** are those of `LogStore`; after one the legacy data are where they were.
 */
export interface LegacyLogs {
  /** Whether there is a legacy log of this name that has not been imported. */
  has(session: string): Promise<boolean>;

  /**
   * Imports the legacy log of the session's name as the log of `key`: its events, to the byte, are
   * the beginning of the raw log (a torn last line gets its line end), `edits` (whole lines) is its
   * edits log. False if there is no legacy log, or `key` has a log already.
   */
  takeOver(key: SessionKey, edits: Uint8Array): Promise<boolean>;

  /**
   * Where the legacy log had messages and no event log: stores what `convert` makes of the messages
   * - one line in pieces, or nothing - as the raw log, then notes that the messages are migrated.
   * Otherwise, and when they are migrated already, it does nothing. Throws also what `convert`
   * throws; nothing has changed then.
   */
  migrate(
    key: SessionKey,
    logId: string,
    convert: (messages: Bytes) => AsyncIterable<Uint8Array>,
  ): Promise<void>;

  /** The messages that came with a log, migrated or not, as JSON lines; null if there were none. */
  messages(key: SessionKey, logId: string): Promise<Bytes | null>;

  /**
   * Stores these messages, as migrated ones, as those that came with the log; they are on the
   * device when it resolves. For a log that is restored from elsewhere. Throws also what `messages`
   * throws; nothing has changed then. Throws `log-not-found` if there is no such log.
   */
  putMessages(key: SessionKey, logId: string, messages: AsyncIterable<Uint8Array>): Promise<void>;
}
