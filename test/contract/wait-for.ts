export interface WaitForOptions {
  /** Fails after so long. Default 3 min: what is only slow comes sooner, however busy the machine. */
  readonly timeoutMs?: number;
  /** What is waited for, for the error's text. */
  readonly what?: string;
}

type NotYet = false | null | undefined;

const POLL_MS = 5;

/**
 * Waits until `condition` gives something other than false, null or undefined, and resolves with
 * it. Rejects when the time is over.
 */
export async function waitFor<T extends object | string | number | true>(
  condition: () => T | NotYet | Promise<T | NotYet>,
  options: WaitForOptions = {},
): Promise<T> {
  const { timeoutMs = 180_000, what = "the condition" } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value: T | NotYet = await condition();
    if (value !== false && value !== null && value !== undefined) return value;
    if (Date.now() >= deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * Lets input and output go on. A loop that awaits only what is in memory would never let them:
 * everything that it waits for is settled before the next turn of the event loop.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}
