import type { SessionKey } from "./log-store.ts";

/** What runlog has to know of an event, read from its top level while it passed. */
export interface EventFacts {
  /** Length of the event's line in bytes, its line feed included. */
  readonly bytes: number;
  /** `type`, or "" if there is none, it is not a string or longer than 256 bytes. */
  readonly type: string;
  /** `runId`, else `run_id`, else null. */
  readonly runId: string | null;
  /** `toolCallId` and `toolCallName`, null where they are not given or longer than 256 bytes. */
  readonly toolCallId: string | null;
  readonly toolCallName: string | null;
}

/** Events that arrived together, in order. */
export interface EventBatch {
  /**
   * The events' bytes as lines: each event verbatim, one LF behind it. The arrays break anywhere;
   * their sum is the sum of `events[].bytes`.
   */
  readonly lines: readonly Uint8Array[];
  readonly events: readonly EventFacts[];
}

/** What was counted instead of passed on, since the stream began. */
export interface RunnerStreamCounts {
  /** Frames whose data is no JSON object. */
  readonly malformed: number;
  /** Events beyond the size limit, each replaced by a `CUSTOM` event that says so. */
  readonly oversized: number;
  /** Chunks in which ill-formed UTF-8 became U+FFFD. */
  readonly repaired: number;
}

export interface RunnerStream {
  /**
   * The events, pull-driven: while nobody pulls, at most one batch waits and the runner's socket
   * is not read. Ends when the runner ends its answer; errors with `runner-disconnected` when the
   * connection breaks. Whole events that came before the break are delivered first.
   */
  readonly batches: AsyncIterable<EventBatch>;
  readonly counts: RunnerStreamCounts;
}

export interface RunnerRequest {
  readonly key: SessionKey;
  /** Base URL as `SessionDirectory.addressOf` gives it. */
  readonly address: string;
  /** Request body, sent as it is. */
  readonly body: readonly Uint8Array<ArrayBuffer>[];
  /** Further request headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the attempt, the waiting between attempts, and the stream. */
  readonly signal: AbortSignal;
}

/**
 * Talks to runner pods.
 *
 * **Consistency.** A run is posted at most once to a runner that could be reached: only an attempt
 * that made no connection is repeated (after 0.5 s, ×1.5, at most 5 s, 15 attempts). Events come
 * out in the order and with the bytes in which the runner sent them.
 *
 * **Failures**: `runner-unreachable` (no connection after all attempts), `runner-refused` (an answer
 * other than 200; `facts.status`), `runner-disconnected` (the connection broke, or no headers within
 * 30 s).
 */
export interface RunnerClient {
  /** Starts a run: `POST` to the address. Resolves when the runner has answered 200. */
  run(request: RunnerRequest): Promise<RunnerStream>;
}
