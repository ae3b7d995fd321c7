import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { EventBatch } from "../../src/ports/runner-client.ts";
import type { ByteBudget, ByteLease } from "../../src/stream/sync/byte-budget.ts";
import type { TimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import type { Intake } from "./intake.ts";
import { Wakeup } from "../../src/stream/sync/wakeup.ts";

/** What a stream may hold without asking the budget. */
const OWN_BYTES = 256 * 1024;
/**
 * How much is read before it is asked for. Not for speed: what `fetch` has received but not handed
 * over when a connection breaks is gone (measured with undici: 5 of 6 events), so it is emptied
 * while the reader is busy.
 */
const AHEAD_BYTES = 64 * 1024;

export interface BatchStreamOptions {
  /** The answer's body; null is an empty one. */
  readonly body: ReadableStream<Uint8Array> | null;
  readonly intake: Intake;
  /** Pays for what the stream holds beyond 256 KiB; while it has nothing the body is not read. */
  readonly budget: ByteBudget;
  /** Shared by all streams: what they take in is worked on in turns, between which others have theirs. */
  readonly turns: TimeSlicer;
  /** Aborting it ends the stream, and the reader gets the reason. The stream does so on `return`. */
  readonly connection: AbortController;
  /**
   * How long in ms nothing at all may come before the connection counts as broken; null for as long as it
   * wants.
   */
  readonly silenceMs: number | null;
  readonly clock: Clock;
  /** Called once, when the stream holds nothing any more. */
  readonly onEnd: () => void;
}

/**
 * The batches of one answer. It is read from the start, up to 64 KiB ahead (more if one event is
 * larger); then back-pressure holds the runner. Single use.
 */
export class BatchStream implements AsyncIterable<EventBatch> {
  readonly #intake: Intake;
  readonly #connection: AbortController;
  readonly #lease: ByteLease;
  readonly #turns: TimeSlicer;
  readonly #ready = new Wakeup();
  readonly #taken = new Wakeup();
  readonly #batches: AsyncGenerator<EventBatch, void, undefined>;
  /** Bytes of the batch that its reader works on. */
  #lentBytes = 0;
  #isOver = false;
  #isReturned = false;
  #failure: RunlogError | null = null;
  #now: () => number | null = () => null;
  #stopWatching: () => void = () => {};
  /** Since when the body is being read without an answer, or null while nobody reads it. */
  #readingSinceMs: number | null = null;

  constructor(options: BatchStreamOptions) {
    const { body, intake, budget, turns, connection, onEnd } = options;
    this.#intake = intake;
    this.#turns = turns;
    this.#connection = connection;
    this.#lease = budget.lease();
    this.#batches = this.#takeBatches();
    const isGiven = body !== null && givesChunks(body);
    const reader = body?.getReader() ?? null;
    const { signal } = connection;
    this.#stopWatching = this.#watchSilence(options);
    const end = (): void => {
      this.#stopWatching();
      reader?.cancel(signal.reason).catch(() => {
        // it is broken already
      });
      this.#lease.release();
      this.#ready.notify();
      this.#taken.notify();
      onEnd();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    void this.#pump(reader, isGiven);
  }

  [Symbol.asyncIterator](): AsyncIterator<EventBatch, void, undefined> {
    return {
      next: () => this.#batches.next(),
      // the generator's own return would queue behind a `next` that waits for the runner
      return: () => {
        this.#isReturned = true;
        this.#connection.abort();
        return this.#batches.return();
      },
    };
  }

  async *#takeBatches(): AsyncGenerator<EventBatch, void, undefined> {
    const { signal } = this.#connection;
    try {
      for (;;) {
        if (this.#isReturned) return;
        signal.throwIfAborted();
        const batch = this.#intake.take();
        if (batch) {
          for (const { bytes } of batch.events) this.#lentBytes += bytes;
          this.#taken.notify();
          yield batch;
          this.#lentBytes = 0;
          this.#shrinkLease();
        } else if (!this.#isOver) await this.#ready.wait();
        else if (this.#failure) throw this.#failure;
        else return;
      }
    } finally {
      // whichever way it ended: this gives everything back
      this.#connection.abort();
    }
  }

  /** Reads the body while there is room. Never rejects: `#takeBatches` throws the failure. */
  async #pump(
    reader: ReadableStreamDefaultReader<Uint8Array> | null,
    isGiven: boolean,
  ): Promise<void> {
    const { signal } = this.#connection;
    try {
      for (;;) {
        signal.throwIfAborted();
        this.#readingSinceMs = this.#now();
        const chunk = await reader?.read();
        this.#readingSinceMs = null;
        signal.throwIfAborted();
        if (!chunk || chunk.done) break;
        await this.#turns.run(async () => this.#intake.push(chunk.value, { isGiven }));
        this.#ready.notify();
        await this.#growLease(signal);
        while (this.#intake.readyBytes >= AHEAD_BYTES && !signal.aborted) await this.#taken.wait();
      }
      this.#intake.finish();
    } catch (cause) {
      this.#intake.cutOff();
      this.#failure = new RunlogError("runner-disconnected", "the runner's stream broke off", {
        cause,
      });
    }
    this.#isOver = true;
    this.#stopWatching();
    this.#ready.notify();
    // it may have grown once more while the stream was being ended
    if (signal.aborted) this.#lease.release();
  }

  /** Breaks the connection off when nothing has come for too long. Returns a function that stops that. */
  #watchSilence({ clock, connection, silenceMs }: BatchStreamOptions): () => void {
    if (silenceMs === null) return () => {};
    this.#now = () => clock.now();
    return clock.every(silenceMs / 4, () => {
      const since = this.#readingSinceMs;
      if (since === null || clock.now() - since < silenceMs) return;
      const text = "nothing came from the runner";
      connection.abort(new RunlogError("runner-disconnected", text, { silentMs: silenceMs }));
    });
  }

  /** What is in memory beyond what the stream may hold for itself. */
  #owedBytes(): number {
    const { heldBytes, readyBytes } = this.#intake;
    return Math.max(0, heldBytes + readyBytes + this.#lentBytes - OWN_BYTES);
  }

  async #growLease(signal: AbortSignal): Promise<void> {
    // again, because the lease may have been given back while this waited for its turn
    for (;;) {
      const missing = this.#owedBytes() - this.#lease.heldBytes;
      if (missing <= 0) return;
      await this.#lease.grow(missing, { signal });
    }
  }

  /** Gives back what a large event took, once its reader has come for the next one. */
  #shrinkLease(): void {
    const owed = this.#owedBytes();
    if (owed >= this.#lease.heldBytes) return;
    this.#lease.release();
    // if others were waiting for it, this stream waits its turn before it reads on
    if (owed > 0) this.#lease.tryGrow(owed);
  }
}

/**
 * Whether the chunks of a body belong to its reader: a stream of bytes takes the memory of a chunk from whoever
 * made it. Only such a stream has a reader of this mode.
 */
function givesChunks(body: ReadableStream<Uint8Array>): boolean {
  try {
    body.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    return false;
  }
}
