import type { Clock } from "../../src/ports/clock.ts";

/** Waits; ends early when the signal aborts. */
export function pause(ms: number, clock: Clock, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve) => {
    const leave = (): void => {
      cancel();
      signal?.removeEventListener("abort", leave);
      resolve();
    };
    const cancel = clock.after(ms, leave);
    if (signal?.aborted) leave();
    else signal?.addEventListener("abort", leave, { once: true });
  });
}
