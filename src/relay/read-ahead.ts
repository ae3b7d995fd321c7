import { concatBytes } from "../stream/bytes/concat.ts";
import { Wakeup } from "../stream/sync/wakeup.ts";

/**
 * How much is read before it is asked for: what `fetch` has received but not handed over when a
 * connection breaks is gone, so it is emptied while the spool is busy.
 */
const AHEAD_BYTES = 64 * 1024;
/** Larger chunks are passed on in parts, so that no single one needs much room. */
const PART_BYTES = 64 * 1024;

/**
 * The bytes of a stream, read from the start and up to 64 KiB ahead; what has come meanwhile comes as
 * one. Throws what the stream fails with, after all that came before, and the signal's reason at once.
 */
export async function* eachBatch(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ahead = new ReadAhead(body.getReader());
  const onAbort = (): void => ahead.cancel(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const batch = await ahead.take();
      signal.throwIfAborted();
      if (!batch) return;
      for (let at = 0; at < batch.length; at += PART_BYTES) {
        yield batch.subarray(at, at + PART_BYTES);
        signal.throwIfAborted();
      }
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    ahead.cancel(signal.reason);
  }
}

/** Reads while there is room, whether somebody takes or not. */
class ReadAhead {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #end: { readonly failure: unknown } | null = null;
  #isCancelled = false;
  readonly #news = new Wakeup();
  readonly #taken = new Wakeup();

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader;
    void this.#pump();
  }

  /** What has come, once there is something; null at the end. */
  async take(): Promise<Uint8Array | null> {
    while (this.#chunks.length === 0 && !this.#end && !this.#isCancelled) await this.#news.wait();
    if (this.#isCancelled) return null;
    if (this.#chunks.length === 0) {
      if (this.#end?.failure !== undefined) throw this.#end.failure;
      return null;
    }
    const batch = concatBytes(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    this.#taken.notify();
    return batch;
  }

  cancel(reason: unknown): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#news.notify();
    this.#taken.notify();
    if (this.#end) return;
    this.#reader.cancel(reason).catch(() => {
      // it is broken already
    });
  }

  /** Never rejects: `take` throws the failure. */
  async #pump(): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (done) break;
        this.#chunks.push(value);
        this.#bytes += value.length;
        this.#news.notify();
        while (this.#bytes >= AHEAD_BYTES && !this.#isCancelled) await this.#taken.wait();
      }
      this.#end = { failure: undefined };
    } catch (failure) {
      this.#end = { failure: failure ?? new Error("the stream broke off") };
    }
    this.#news.notify();
  }
}
