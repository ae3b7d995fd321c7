/** The part of the port `Clock` that waits. */
interface Timers {
  /** Calls back after `ms`; returns a function that cancels that. */
  after(ms: number, callback: () => void): () => void;
}

/** Resolves after `ms`, or when `signal` aborts; null is never. */
export function pause(ms: number, timers: Timers, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve) => {
    const leave = (): void => {
      cancel();
      signal?.removeEventListener("abort", leave);
      resolve();
    };
    const cancel = timers.after(ms, leave);
    if (signal?.aborted) leave();
    else signal?.addEventListener("abort", leave, { once: true });
  });
}

/** Resolves when `promise`, which never rejects, has resolved, or after `ms`. */
export function settledWithin(
  ms: number,
  timers: Timers,
  promise: Promise<unknown>,
): Promise<void> {
  return new Promise((resolve) => {
    const cancel = timers.after(ms, resolve);
    void promise.then(() => {
      cancel();
      resolve();
    });
  });
}
