import type { SessionKey } from "./log-store.ts";

/** What runlog reads of an event's top level while the event passes. */
export interface EventFacts {
  /** Length of the event's line in bytes, its line feed included. */
  readonly bytes: number;
  /** `type`, or "" if there is none, it is not a string or longer than 256 bytes. */
  readonly type: string;
  /** `runId`, else `run_id`, else null. */
  readonly runId: string | null;
  /** Of a RUN_STARTED that runlog added: the id that the runner uses for the run, see `RunSpan`. */
  readonly runnerRunId: string | null;
  /** `toolCallId` and `toolCallName`; null if missing or longer than 256 bytes. */
  readonly toolCallId: string | null;
  readonly toolCallName: string | null;
  /** `name` of a CUSTOM event, and `type` of an `outcome`, under the same conditions. */
  readonly name: string | null;
  readonly outcome: string | null;
}

/** Events that arrived together, in order. */
export interface EventBatch {
  /**
   * The events' bytes as lines: each event verbatim, one LF after it. The arrays break anywhere;
   * their sum is the sum of `events[].bytes`.
   */
  readonly lines: readonly Uint8Array[];
  readonly events: readonly EventFacts[];
  /**
   * Of a stream that can be taken up: the runner's id of the last event; null if an event of the batch has
   * none that can be sent back. Default null.
   */
  readonly lastId?: string | null;
}

/** What was counted instead of passed on, since the stream began. */
export interface RunnerStreamCounts {
  /** Frames whose data is no JSON object. */
  readonly malformed: number;
  /** Events beyond the size limit, each replaced by a `CUSTOM` event that reports it. */
  readonly oversized: number;
  /** Chunks in which ill-formed UTF-8 became U+FFFD. */
  readonly repaired: number;
}

export interface RunnerStream {
  /**
   * The events, pull-driven: while nobody pulls, at most one batch waits and the runner's socket is
   * not read. Ends when the runner ends its answer; errors with `runner-disconnected` when the
   * connection breaks. Whole events that came before the break are delivered first.
   */
  readonly batches: AsyncIterable<EventBatch>;
  readonly counts: RunnerStreamCounts;
  /**
   * Whether the runner can be asked for the events after one of its ids (`X-Runlog-Resume: 1`). Of such a
   * stream an event that broke off is never delivered, and long silence is `runner-disconnected`. Default
   * false.
   */
  readonly isResumable?: boolean;
}

export interface RunnerRequest {
  readonly key: SessionKey;
  /** Base URL as `SessionDirectory.addressOf` gives it. */
  readonly address: string;
  /** Request body, sent as it is. */
  readonly body: readonly Uint8Array<ArrayBuffer>[];
  /** Further request headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the attempt, the wait between attempts, and the stream. */
  readonly signal: AbortSignal;
}

/** A request for the events of a run that a runner keeps. */
export interface ResumeRequest {
  readonly key: SessionKey;
  /** Base URL as `SessionDirectory.addressOf` gives it. */
  readonly address: string;
  /** Any text; the client percent-encodes it. */
  readonly runId: string;
  /** The runner's id of the last event that is known, or null for all. */
  readonly after: string | null;
  /** How long in ms the headers of the answer may take. Default: as those of a run. */
  readonly timeoutMs?: number;
  /** Ends the attempt and the stream. */
  readonly signal: AbortSignal;
}

/** A request for the thread's background events. */
export interface ListenRequest {
  readonly key: SessionKey;
  /** Base URL as `SessionDirectory.addressOf` gives it. */
  readonly address: string;
  /** The thread's id: any text; the client percent-encodes it. */
  readonly threadId: string;
  /** The runner's id of the last event that is known, or null for none. Default null. */
  readonly after?: string | null;
  /** Ends the attempt and the stream. */
  readonly signal: AbortSignal;
}

/** Any request to a runner that neither posts a run nor subscribes to background events. */
export interface RunnerCall {
  readonly key: SessionKey;
  /** Base URL as `SessionDirectory.addressOf` gives it. */
  readonly address: string;
  readonly method: "GET" | "POST" | "DELETE";
  /** Relative to the address, without a slash at its start, percent-encoded already. */
  readonly path: string;
  /** JSON, sent as it is. */
  readonly body?: Uint8Array<ArrayBuffer>;
  /** How long in ms the headers of the answer may take, connecting included. */
  readonly timeoutMs: number;
  /** Ends the call and the body of its answer. */
  readonly signal: AbortSignal;
}

/** A runner's answer, whatever its status. */
export interface RunnerAnswer {
  readonly status: number;
  readonly contentType: string | null;
  /**
   * Pull-driven, without a limit in size or time; to be read to its end or cancelled. Errors with
   * `runner-disconnected` when the connection breaks, and with the signal's reason. Null for none.
   */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

/**
 * Talks to runner pods. `run`, `resume` and `listen` follow a redirect to the same origin, with method and
 * body, three times at most. Any other redirect is an answer like others, and so is every redirect
 * of a `call`.
 *
 * **Consistency.** A run is posted at most once to a runner that could be reached: only an attempt
 * that made no connection is repeated (after 0.5 s, ×1.5, at most 5 s, 15 attempts). `resume`, `listen`
 * and `call` make one attempt; a call that failed may have reached its runner. Events come out in the
 * order and with the bytes in which the runner sent them, and so do the bytes of an answer.
 *
 * **Failures** of `run`, `resume` and `listen`: `runner-unreachable` (no connection after all attempts),
 * `runner-refused` (an answer other than 200; `facts.status`, and `facts.redirect`, the origin to
 * which it points), `runner-not-an-event-stream` (200 with another content type;
 * `facts.contentType`), `runner-address-unfit` (`fetch` refuses to connect to that port),
 * `runner-disconnected` (the connection broke; `facts.waitedMs` where the headers took too long).
 * Where no name resolves, `facts.isNameUnknown` of `runner-unreachable` is true. Of `call`:
 * `runner-unreachable` (no connection, or no answer in time). When a request's signal aborts, its
 * reason is thrown.
 */
export interface RunnerClient {
  /** Starts a run: `POST` to the address. Resolves when the runner has answered 200. */
  run(request: RunnerRequest): Promise<RunnerStream>;

  /**
   * Takes a run up: `GET runs/<run>/events` below the address. Resolves when the runner has answered 200. A
   * run that no path can name is refused with 404 as in `listen`. A client without it takes no run up.
   */
  resume?(request: ResumeRequest): Promise<RunnerStream>;

  /**
   * Subscribes to background events: `GET events/<thread>` below the address. Resolves when the
   * runner has answered 200. A thread that no path can name (`.`, `..`, ill-formed text) is refused
   * with 404 and no request is made: `facts.isAsked` is false.
   */
  listen(request: ListenRequest): Promise<RunnerStream>;

  /** Makes any other request. Resolves with the answer's headers; every status is an answer. */
  call(request: RunnerCall): Promise<RunnerAnswer>;
}
