import type { Clock } from "../../ports/clock.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { ListedObject, ObjectBucket } from "../../ports/object-bucket.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { BackOff } from "../../stream/sync/back-off.ts";

/** How long in ms one attempt may take. */
const TRY_MS = 60_000;
const TRIES = 6;
const BACK_OFF = { firstMs: 200, maxMs: 3_200, jitter: 0.5 } as const;

/** The operations that an archive needs of a bucket, tried again where that may help. */
export interface RetryingBucket {
  /** The bytes from `start` to `end` of an object, or null if there is none. */
  read(key: string, start?: number, end?: number, signal?: AbortSignal): Promise<Uint8Array | null>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Every object whose key begins with `prefix`. */
  list(prefix: string): AsyncGenerator<ListedObject>;
  /** Deletes objects, any number. */
  delete(keys: readonly string[]): Promise<void>;
  /** Runs an operation that can be repeated as a whole until it succeeds: an upload in parts. */
  retry<T>(operation: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

const PAGE = 1000;

export function createRetryingBucket(bucket: ObjectBucket, clock: Clock): RetryingBucket {
  const { place = "the archive" } = bucket;

  async function retry<T>(
    operation: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const backOff = new BackOff(BACK_OFF);
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      try {
        return await operation(signal ?? new AbortController().signal);
      } catch (error) {
        const mayHelp = hasCode(error, "store-busy", "store-unanswered");
        if (!mayHelp || tries === TRIES || signal?.aborted) throw error;
      }
      await backOff.pause(clock, null);
    }
  }

  /** One call, tried again; an attempt that takes too long counts as unanswered. */
  const call = <T>(operation: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal) =>
    retry(async () => {
      const late = new AbortController();
      const ends = signal ? AbortSignal.any([late.signal, signal]) : late.signal;
      const cancel = clock.after(TRY_MS, () =>
        late.abort(
          new RunlogError("store-unanswered", `No answer from ${place} in ${TRY_MS / 1000} s`),
        ),
      );
      try {
        return await operation(ends);
      } catch (error) {
        throw ends.aborted ? ends.reason : error;
      } finally {
        cancel();
      }
    }, signal);

  return {
    retry,

    read: (key, start, end, signal) =>
      call(async (ends) => {
        const range = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
        const body = await bucket.get(key, { ...range, signal: ends });
        return body && collect(body.bytes, ends);
      }, signal),

    put: (key, bytes) => call((signal) => bucket.put(key, bytes, { signal })),

    async *list(prefix) {
      let startAfter: string | undefined;
      for (;;) {
        const after = startAfter === undefined ? {} : { startAfter };
        const page = await call((signal) => bucket.list({ prefix, limit: PAGE, ...after, signal }));
        yield* page.objects;
        startAfter = page.objects.at(-1)?.key ?? startAfter;
        if (!page.more) return;
      }
    },

    async delete(keys) {
      for (let at = 0; at < keys.length; at += PAGE)
        await call((signal) => bucket.delete(keys.slice(at, at + PAGE), { signal }));
    },
  };
}

/** All of a body: callers ask for ranges that they have room for. */
async function collect(
  bytes: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const reader = bytes.getReader();
  const stop = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  try {
    const pieces: Uint8Array[] = [];
    for (;;) {
      const { value, done } = await reader.read();
      signal.throwIfAborted();
      if (done) return concatBytes(pieces);
      pieces.push(value);
    }
  } catch (cause) {
    if (cause instanceof RunlogError || signal.aborted) throw cause;
    throw new RunlogError("store-unanswered", "An object broke off", { cause });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
