import type { SessionChanges } from "./session-changes.ts";
import type { SessionOwnership } from "./session-owner.ts";

/** Names one session. Both parts are validated (`core/model/names.ts`) before they reach a port. */
export interface SessionKey {
  /** The project (Kubernetes namespace): a DNS-1123 label. */
  readonly project: string;
  /** The session's name, see `session-name.ts`. */
  readonly session: string;
}

/**
 * The logs of a session: `raw`, every event verbatim; `compact`, the same history compacted; `runs`, a line for each run
 * that has ended (`core/history/run-index.ts`); `keyframes`, what clients had at places of the compact log
 * (`core/profile/keyframes/keyframes.ts`); `times`, when what is in the raw log arrived (`core/log/arrival-entries.ts`);
 * `edits`, what readers of the raw log get in place of some bytes (`edits.ts`), which is empty
 * unless the raw log was imported or a loss of power damaged it.
 */
export type LogName = "raw" | "compact" | "edits" | "runs" | "keyframes" | "times";

/** Every log of a session. */
export const LOG_NAMES: readonly LogName[] = [
  "raw",
  "compact",
  "edits",
  "runs",
  "keyframes",
  "times",
];

/** What a store knows about a session without reading its events. O(1). */
export interface LogStat {
  /** Identity of this incarnation of the session: 16 characters of `[a-z0-9]`. */
  readonly logId: string;
  /** When the log was made, epoch ms. */
  readonly createdAtMs: number;
  /** Bytes accepted, per log. Always the end of a line that was appended whole. */
  readonly end: Readonly<Record<LogName, number>>;
  /** The head as last set, or null. */
  readonly head: Uint8Array | null;
  /** The session's document as last set, or null. */
  readonly document: Uint8Array | null;
  /** The raw log's notes that have not been dropped, one a key, in no order. */
  readonly notes: readonly LogNote[];
}

/** What an append to the raw log stores with its bytes: both are there after a crash, or neither. */
export interface AppendNote {
  /** What the note is about, such as a run: 1 to 256 bytes as UTF-8. A later note replaces an earlier one. */
  readonly key: string;
  /** At most 256 bytes as UTF-8. */
  readonly text: string;
}

/** A note as a log has it. */
export interface LogNote extends AppendNote {
  /** Where the append that it came with ended. */
  readonly end: number;
}

/** Options for a log that was kept elsewhere and is brought back. */
export interface CreateOptions {
  /** Its identity, which contains the time it was made (`log-id.ts`). Default: a new one. */
  readonly logId?: string;
  /** Its head when it is made. Default: none. */
  readonly head?: Uint8Array | null;
  /** Its document when it is made. Default: none. */
  readonly document?: Uint8Array | null;
}

export interface AppendOptions {
  /** The log that the lines are meant for. */
  readonly logId: string;
  /** Where the log ends as far as the caller knows, counting its own appends in flight. */
  readonly expectedEnd: number;
  /** Which log; default `raw`. */
  readonly log?: LogName;
  /**
   * Whether the bytes must also be on the device before it resolves, as at the end of a run; a
   * store that is set up never to wait for the device ignores it. Default false.
   */
  readonly durable?: boolean;
  /**
   * Stored atomically with the bytes, of the raw log only. A crash leaves the note and all of the
   * bytes, or neither: of an append with a note no part of the lines stays.
   */
  readonly note?: AppendNote;
}

export interface ReadOptions {
  readonly logId: string;
  /** First byte, default 0. */
  readonly start?: number;
  /** One past the last byte; default and at most the end when the read begins. */
  readonly end?: number;
  /** Which log; default `raw`. */
  readonly log?: LogName;
  /** Ends the read: the stream errors with the signal's reason and releases what it holds. */
  readonly signal?: AbortSignal;
}

export interface ListOptions {
  /** Only this project; default all, ordered by project, then by the session's label. */
  readonly project?: string;
  /** The `next` of the page before. Opaque. */
  readonly after?: string;
  /** Items a page, 1-1000, default 500. */
  readonly limit?: number;
}

export interface ListedLog extends SessionKey {
  readonly logId: string;
  readonly createdAtMs: number;
}

export interface LogPage {
  readonly items: readonly ListedLog[];
  /** Where the next page begins, or null at the end. */
  readonly next: string | null;
}

/** A run that was admitted and whose end has not been stored. */
export interface OpenRunMark extends SessionKey {
  readonly logId: string;
  readonly runId: string;
  /** What is needed to end the run after a crash, at most 4 KiB, as `markOpen` was given it. */
  readonly data: string;
}

/** Largest head in bytes. */
export const MAX_HEAD_BYTES: number = 64 * 1024;

/** Largest document in bytes: room for a long prompt, and little enough to be held in memory. */
export const MAX_DOCUMENT_BYTES: number = 256 * 1024;

/** Largest `data` of an open-run mark, in UTF-16 units. */
export const MAX_MARK_CHARS: number = 4096;

/** Most keys that a log has notes of. */
export const MAX_NOTES: number = 32;

/** Largest key and largest text of a note, each in bytes as UTF-8. */
export const MAX_NOTE_BYTES: number = 256;

/** Read access to the logs of sessions. */
export interface LogReader {
  /** The log's stat, or null if there is no log. */
  stat(key: SessionKey): Promise<LogStat | null>;

  /**
   * The bytes from `start` to `end`, in chunks of at most 256 KiB that break anywhere. It is cheap
   * to begin at any offset, and pull-driven: a reader that stops costs no more than one chunk. It
   * is a byte stream: a reader may bring its own buffers (`mode: "byob"`), and a chunk belongs to
   * its reader, who may change it. Failures, a missing log among them, arrive as the stream's
   * error.
   */
  read(key: SessionKey, options: ReadOptions): ReadableStream<Uint8Array<ArrayBuffer>>;

  /** A page of the sessions that have a log. */
  list(options?: ListOptions): Promise<LogPage>;
}

export interface OpenRunsOptions {
  /**
   * Leaves out the runs that another living process is known to have marked: for who asks again and again for those that nobody
   * works on. A process that only slept through its lease may keep one from being found for some minutes. Default false.
   */
  readonly leaveOutHeld?: boolean;
}

/**
 * Append-only byte logs of sessions (`LogName`), two small mutable values each (the
 * head, which can be made again from the log, and the document, which cannot), notes that came with
 * appends, marks of the runs that are open, and the bodies of those that wait.
 *
 * **Consistency.** Per session: linearisable. An append, a head or a document whose promise is
 * resolved is seen by every later `stat` and `read` of any caller, and survives a crash of the
 * process. Of heads or documents that are set at once, the one that was set last stays. Appends
 * that are in flight together take effect in the order in which they were called; of two that
 * expect the same end exactly one wins. A read sees a prefix of the log that ends at an accepted
 * end and never a byte that was not accepted. Between sessions nothing is promised, except that
 * `list` holds every session that existed during the whole of the listing.
 *
 * **Identity.** A `logId` is made with the log and ends with it: after `delete` and `create` the
 * name has another, so an old writer or an old cursor can never meet new bytes. Reuse an old
 * `logId` only if the new log will hold exactly the same bytes. The store also begins a new `logId`
 * for the same bytes when bytes that it once accepted may be lost (an unclean end followed by a
 * reboot of the machine). It then ends the edits log with a mark that names the offset after which
 * the raw log may be damaged; that part is scanned before anybody reads it.
 *
 * **Names.** What a store makes of a session's name for paths and keys is a label (`labelOf`). Where
 * the name cannot be read from it (`isReadableLabel`), the document says it: a log that is made
 * without a document gets one of the name alone, and one that does not say it is `invalid-input`.
 *
 * **Notes** end with their incarnation. Where a loss of power took bytes that had been accepted, it may
 * have taken notes, or left bytes without their note; a store that waits for the device at every append
 * loses neither.
 *
 * **Failures** are `RunlogError`s: `invalid-input` (a note outside the limits, of another log than `raw`, or with no bytes), `log-not-found` (no such log, or another logId on read, head,
 * document, new marks and bodies), `log-fenced` (append with another logId or end), `log-range` (a
 * range outside the log), `head-too-large`, `document-too-large`, `store-full`, `store-busy` (out
 * of descriptors, throttled: try again), `log-not-owned` (writes, where processes share a store:
 * another one writes this session; try again), `store-unanswered` (a set value or mark may or may
 * not have taken effect; an append never ends so), `store-failed`, `store-closed` (every operation
 * after `close`). After a failed append the end is what it was; nothing of the failed bytes is ever
 * readable.
 */
export interface LogStore extends LogReader, SessionOwnership {
  /**
   * Reports every session that is created, deleted or gets another document; null where other
   * processes change the store as well, so that only a listing is complete.
   */
  readonly changes: SessionChanges | null;

  /**
   * Makes the session's log if there is none; resolves with what is there then, which may have
   * another id and other values than `options` ask for. The log is there with its values, durably,
   * or not at all. Throws what `setHead` and `setDocument` throw, and `invalid-input` for a logId
   * of another form.
   */
  create(key: SessionKey, options?: CreateOptions): Promise<LogStat>;

  /**
   * Appends whole lines. `bytes` (one array or several, taken in order) must not be changed until
   * the promise settles. Resolves with the new end once the bytes are accepted.
   */
  append(
    key: SessionKey,
    bytes: Uint8Array | readonly Uint8Array[],
    options: AppendOptions,
  ): Promise<number>;

  /** Drops the note of this key; does nothing if there is none. Throws as `setHead`. */
  dropNote(key: SessionKey, logId: string, noteKey: string): Promise<void>;

  /**
   * The document alone, as `stat` has it: for callers that need those of many sessions, and for
   * which no log has to be opened. Throws `log-not-found` if the log has been deleted.
   */
  document(key: SessionKey, logId: string): Promise<Uint8Array | null>;

  /** Replaces the head atomically by a copy of `head`. At most 64 KiB, else `head-too-large`. */
  setHead(key: SessionKey, logId: string, head: Uint8Array): Promise<void>;

  /** Replaces the document in the same way. At most 256 KiB, else `document-too-large`. */
  setDocument(key: SessionKey, logId: string, document: Uint8Array): Promise<void>;

  /** Marks a run as open, durably before it resolves. Marking again replaces the data. */
  markOpen(key: SessionKey, logId: string, runId: string, data: string): Promise<void>;

  /** Removes a mark, also one of a deleted log; does nothing if there is none. */
  clearOpen(key: SessionKey, logId: string, runId: string): Promise<void>;

  /**
   * All marks of a session, or of all sessions: a start after a crash reads these and no session.
   * Anything else that lies among them is skipped.
   */
  openRuns(key?: SessionKey, options?: OpenRunsOptions): AsyncIterable<OpenRunMark>;

  /**
   * Keeps the body of a run that waits, so that no process has to hold it. A second put replaces
   * it. It need not survive a crash, since the next process does not start the run.
   */
  putRunBody(
    key: SessionKey,
    logId: string,
    runId: string,
    body: readonly Uint8Array[],
  ): Promise<void>;

  /** The body as it was put, or null if there is none. */
  runBody(key: SessionKey, logId: string, runId: string): Promise<Uint8Array<ArrayBuffer> | null>;

  /** Removes a body; does nothing if there is none. */
  removeRunBody(key: SessionKey, logId: string, runId: string): Promise<void>;

  /** Removes the session's logs, head, document, marks and bodies. False if there was no log. */
  delete(key: SessionKey): Promise<boolean>;

  /**
   * Resolves if the store can be written now; rejects with what is wrong. For readiness probes: it
   * may answer from the result of a check a moment ago.
   */
  check(): Promise<void>;

  /** Flushes, releases every resource, and makes every later call fail with `store-closed`. */
  close(): Promise<void>;
}
