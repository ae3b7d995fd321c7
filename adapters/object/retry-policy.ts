import type { Clock } from "../../src/ports/clock.ts";
import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { backOffMs } from "../../src/stream/sync/back-off.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";

export interface RetryPolicyOptions {
  readonly clock: Clock;
  /** How long in ms one try may take. */
  readonly attemptMs: number;
  /** How long in ms tries go on. */
  readonly deadlineMs: number;
  /** Ends all waiting, with its reason. */
  readonly closing: AbortSignal;
  /** Who is called. */
  readonly bucket?: Pick<ObjectBucket, "place">;
}

interface AttemptOptions {
  /** Bytes that travel: they get more time, at 1 MiB/s. */
  readonly bytes?: number;
  /** Ends the trying with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Calls to a bucket, which tries each once and may never answer. */
export interface RetryPolicy {
  /** One try. Rejects with `store-unanswered` when its time is over. */
  attempt<T>(call: (signal: AbortSignal) => Promise<T>, options?: AttemptOptions): Promise<T>;
  /** What is on its way, or `store-unanswered` when its time is over: for the chunks of a body. */
  within<T>(coming: Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Tries until there is an answer, or the deadline has passed: for what does no harm twice. */
  until<T>(call: (signal: AbortSignal) => Promise<T>, options?: AttemptOptions): Promise<T>;
  /** Waits before the next try: longer each time, and never as long as others do. */
  pause(tries: number, signal?: AbortSignal): Promise<void>;
  /** The deadline, in epoch ms, of an operation that begins now. */
  deadline(): number;
  isOver(deadlineMs: number): boolean;
}

const CALLS_AT_ONCE = 64;
const BACK_OFF = { firstMs: 50, maxMs: 5_000, jitter: 0.5 } as const;
const BYTES_PER_MS = (1024 * 1024) / 1000;

export function createRetryPolicy(options: RetryPolicyOptions): RetryPolicy {
  const { clock, attemptMs, deadlineMs, closing, bucket } = options;
  // a budget of calls: a store that is asked too much at once answers nothing in time
  const calls = createByteBudget(CALLS_AT_ONCE);

  function unanswered(): RunlogError {
    const place = bucket?.place ?? "the object store";
    return new RunlogError("store-unanswered", `No answer from ${place} in ${attemptMs / 1000} s`);
  }

  async function attempt<T>(
    call: (signal: AbortSignal) => Promise<T>,
    { bytes = 0, signal }: AttemptOptions = {},
  ): Promise<T> {
    const late = new AbortController();
    await calls.take(1, { signal: signal ? AbortSignal.any([closing, signal]) : closing });
    const ends = AbortSignal.any(signal ? [late.signal, closing, signal] : [late.signal, closing]);
    const cancel = clock.after(attemptMs + bytes / BYTES_PER_MS, () => late.abort(unanswered()));
    // a bucket may ignore the signal: a later answer has no receiver
    let leave = (): void => {};
    const ended = new Promise<never>((_, reject) => {
      leave = () => reject(ends.reason);
      ends.addEventListener("abort", leave, { once: true });
    });
    try {
      return await Promise.race([call(ends), ended]);
    } catch (error) {
      throw ends.aborted ? ends.reason : error;
    } finally {
      calls.release(1);
      cancel();
      ends.removeEventListener("abort", leave);
    }
  }

  /** Much cheaper than an attempt: there is one for each chunk. */
  function within<T>(coming: Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        cancel();
        closing.removeEventListener("abort", end);
        signal?.removeEventListener("abort", end);
      };
      const end = (): void => {
        leave();
        reject(closing.aborted ? closing.reason : (signal?.reason ?? unanswered()));
      };
      const cancel = clock.after(attemptMs, end);
      closing.addEventListener("abort", end);
      signal?.addEventListener("abort", end);
      if (closing.aborted || signal?.aborted) end();
      coming.then(resolve, reject).finally(leave);
    });
  }

  async function pause(tries: number, signal?: AbortSignal): Promise<void> {
    const ends = signal ? AbortSignal.any([closing, signal]) : closing;
    ends.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        cancel();
        reject(ends.reason);
      };
      const cancel = clock.after(backOffMs(BACK_OFF, tries), () => {
        ends.removeEventListener("abort", leave);
        resolve();
      });
      ends.addEventListener("abort", leave, { once: true });
    });
  }

  return {
    attempt,
    within,
    pause,
    deadline: () => clock.now() + deadlineMs,
    isOver: (endMs) => clock.now() >= endMs,

    async until(call, attemptOptions = {}) {
      const endMs = clock.now() + deadlineMs;
      for (let tries = 0; ; tries++) {
        try {
          return await attempt(call, attemptOptions);
        } catch (error) {
          const mayHelp = hasCode(error, "store-busy", "store-unanswered");
          if (!mayHelp || clock.now() >= endMs) throw error;
        }
        await pause(tries, attemptOptions.signal);
      }
    },
  };
}
