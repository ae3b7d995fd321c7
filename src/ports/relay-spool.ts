/** What a log of a spool is for. */
export interface SpoolLogInfo {
  /** `run`: what the agent answered to a run; `thread`: background events; `body`: of a request. */
  readonly kind: "run" | "thread" | "body";
  /** The run's or thread's id, which may be any text; empty for a body. */
  readonly id: string;
  /** The thread of a run; null where it is not known. */
  readonly threadId: string | null;
  /** Begins the ids of the log's frames: 8 characters of `[a-z0-9]`. */
  readonly tag: string;
}

/**
 * A log of a spool: bytes that are appended at its end and may be dropped from its front. One caller
 * appends at a time.
 */
export interface SpoolLog {
  readonly info: SpoolLogInfo;
  /** Offset of the first byte that is still there. */
  readonly start: number;
  /** Offset after the last byte that was accepted. */
  readonly end: number;
  /** When it was ended, in epoch ms; null while it is open. */
  readonly endedAtMs: number | null;
  /** Appends bytes. Where it rejects nothing was accepted, and the same may be tried again. */
  append(bytes: Uint8Array): Promise<void>;
  /** Bytes from `offset` on, at least one and at most `maxBytes`. RangeError for what is not there. */
  read(offset: number, maxBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Drops what lies before `offset`, as far as whole pieces of the log do: `start` tells. */
  drop(offset: number): Promise<void>;
  /** Notes that nothing more is appended. */
  markEnded(atMs: number): Promise<void>;
  /** Removes the log, after which only `remove` may be called. */
  remove(): Promise<void>;
}

/**
 * Where a relay keeps what an agent sent until it is known to be stored.
 *
 * **Consistency.** What `append` has accepted can be read at once. A durable spool gives every log back
 * after a crash of the process, with all that was accepted and maybe part of an append that was not; a
 * crash of the machine may take anything. A spool belongs to one process. It bounds nothing itself:
 * `createRelay` does.
 */
export interface RelaySpool {
  /** Whether logs outlive the process. */
  readonly isDurable: boolean;
  /** The logs that an earlier process has left. To be called once, before anything is created. */
  recover(): Promise<readonly SpoolLog[]>;
  create(info: SpoolLogInfo): Promise<SpoolLog>;
  /** Lets the spool go. Durable logs stay. */
  close(): Promise<void>;
}
