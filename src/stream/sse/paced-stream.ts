import { aMomentLater } from "./late-failure.ts";

/** What a paced stream sends: pulled one chunk at a time. */
export interface ChunkSource {
  /** The next chunk, or null at the end. Called again only when the chunk before has been taken. */
  next(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Whether another frame may be sent before the next chunk. */
  readonly atBoundary: boolean;
  /** Releases everything; a pending `next` settles soon, either way. Called exactly once. */
  close(): void;
}

export interface PaceOptions {
  /** Epoch or monotonic milliseconds. */
  readonly now: () => number;
  /** Longest silence in ms before `heartbeat` is sent; not sent when `heartbeat` is missing. */
  readonly heartbeatMs: number;
  /** The same for a stream that has sent nothing yet. Default: `heartbeatMs`. */
  readonly openingMs?: number;
  /** How long in ms a consumer may take over one chunk before the stream is ended with an error. */
  readonly writeDeadlineMs: number;
}

interface PacedStreamOptions {
  /** Sent when nothing else was for a while. */
  readonly heartbeat?: Uint8Array<ArrayBuffer>;
  /** Makes what is sent last when every stream is ended, unless its consumer is behind. */
  readonly farewell?: () => Uint8Array<ArrayBuffer>;
  /** Ends the stream when it aborts, as if its source had ended. */
  readonly signal?: AbortSignal;
  /** Called once when the stream has closed, for whatever reason. */
  readonly onClosed?: () => void;
}

/** Streams under one watch: a single timer of the owner serves all of them. */
export interface StreamPacer {
  /** Streams that are open now. */
  readonly open: number;
  /** Whether `endAll` was called. */
  readonly hasEnded: boolean;
  /** Makes a stream of `source`. Its error for a missed deadline is `stalled`. */
  stream(
    source: ChunkSource,
    options?: PacedStreamOptions,
  ): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** To be called about once a second: sends due heartbeats and ends stuck streams. */
  tick(): void;
  /**
   * Ends every open stream as if its source had ended, so that clients reconnect elsewhere, and each that is made later.
   * One that has sent nothing and has no farewell breaks: an answer without a byte would look whole.
   */
  endAll(): void;
}

/**
 * Makes pull-driven streams that beat when they are silent and end when their consumer is stuck.
 *
 * A consumer is stuck when it holds one chunk for longer than the deadline: with nothing queued
 * (`highWaterMark: 0`) the next pull is the sign that the chunk has gone to the kernel, so the
 * deadline is a minimum rate of one chunk in that time. The end is `controller.error()`, because
 * `close()` leaves a socket open until the consumer has read what is queued (measured).
 */
export function createStreamPacer(options: PaceOptions): StreamPacer {
  const streams = new Set<PacedSource>();
  let hasEnded = false;
  return {
    get open() {
      return streams.size;
    },
    get hasEnded() {
      return hasEnded;
    },
    stream(source, { heartbeat, farewell, signal, onClosed } = {}) {
      const end = (): void => paced.end(null);
      const words = { heartbeat: heartbeat ?? null, farewell: farewell ?? null };
      const paced = new PacedSource(source, options, words, () => {
        streams.delete(paced);
        signal?.removeEventListener("abort", end);
        onClosed?.();
      });
      streams.add(paced);
      signal?.addEventListener("abort", end);
      const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(paced, { highWaterMark: 0 });
      // it was being opened when the others were ended
      if (hasEnded) paced.endWithFarewell();
      return stream;
    },
    tick() {
      for (const paced of streams) paced.tick();
    },
    endAll() {
      hasEnded = true;
      for (const paced of streams) paced.endWithFarewell();
    },
  };
}

/** What a stream says of its own. */
interface Words {
  readonly heartbeat: Uint8Array<ArrayBuffer> | null;
  readonly farewell: (() => Uint8Array<ArrayBuffer>) | null;
}

class PacedSource implements UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> {
  readonly #source: ChunkSource;
  readonly #options: PaceOptions;
  readonly #heartbeat: Uint8Array<ArrayBuffer> | null;
  readonly #farewell: (() => Uint8Array<ArrayBuffer>) | null;
  readonly #onClosed: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  /** Resolves the pull that waits for a chunk; null while the consumer is busy with the last one. */
  #pulled: (() => void) | null = null;
  #nextPending = false;
  /** A chunk that came while a heartbeat was being taken; null in it means the end. */
  #held: { chunk: Uint8Array<ArrayBuffer> | null } | null = null;
  #since: number;
  #hasSent = false;
  #closed = false;

  constructor(
    source: ChunkSource,
    options: PaceOptions,
    { heartbeat, farewell }: Words,
    onClosed: () => void,
  ) {
    this.#source = source;
    this.#options = options;
    this.#heartbeat = heartbeat;
    this.#farewell = farewell;
    this.#onClosed = onClosed;
    this.#since = options.now();
  }

  start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#controller = controller;
  }

  pull(): Promise<void> | void {
    if (this.#closed) return;
    if (this.#held) {
      const { chunk } = this.#held;
      this.#held = null;
      this.#deliver(chunk);
      return;
    }
    return new Promise((resolve) => {
      this.#pulled = resolve;
      if (this.#nextPending) return;
      this.#nextPending = true;
      this.#source.next().then(
        (chunk) => this.#arrived(chunk),
        (error: unknown) => this.#fail(error),
      );
    });
  }

  cancel(): void {
    this.#close();
  }

  tick(): void {
    const { heartbeatMs, openingMs = heartbeatMs } = this.#options;
    const silentMs = this.#options.now() - this.#since;
    if (this.#pulled === null) {
      if (silentMs > this.#options.writeDeadlineMs) this.#fail(new Error("stalled"));
    } else if (
      this.#heartbeat &&
      silentMs >= (this.#hasSent ? heartbeatMs : openingMs) &&
      this.#source.atBoundary
    ) {
      this.#deliver(this.#heartbeat);
    }
  }

  endWithFarewell(): void {
    this.end(this.#farewell?.() ?? null);
  }

  end(last: Uint8Array<ArrayBuffer> | null): void {
    if (this.#closed) return;
    if (!this.#hasSent) return this.#endUnsent(last);
    // within a frame only a broken connection shows the client that the frame is incomplete
    if (this.#pulled === null || !this.#source.atBoundary) return this.#fail(new Error("ended"));
    // its consumer waits: it takes this at once
    if (last) this.#controller?.enqueue(last);
    this.#deliver(null);
  }

  /** Ends a stream that has sent nothing. */
  #endUnsent(last: Uint8Array<ArrayBuffer> | null): void {
    if (last && this.#source.atBoundary) {
      this.#controller?.enqueue(last);
      return this.#deliver(null);
    }
    const controller = this.#controller;
    this.#close();
    void aMomentLater().then(() => controller?.error(new Error("ended")));
  }

  #arrived(chunk: Uint8Array<ArrayBuffer> | null): void {
    this.#nextPending = false;
    if (this.#closed) return;
    if (this.#pulled === null) this.#held = { chunk };
    else this.#deliver(chunk);
  }

  #deliver(chunk: Uint8Array<ArrayBuffer> | null): void {
    this.#since = this.#options.now();
    this.#hasSent = true;
    if (chunk === null) this.#controller?.close();
    else this.#controller?.enqueue(chunk);
    this.#settlePull();
    if (chunk === null) this.#close();
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.#controller?.error(error);
    this.#close();
  }

  #settlePull(): void {
    const resolve = this.#pulled;
    this.#pulled = null;
    resolve?.();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held = null;
    this.#settlePull();
    this.#onClosed();
    this.#source.close();
  }
}
