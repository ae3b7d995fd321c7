/**
 * Time, so that tests can hold it.
 *
 * **Consistency.** `now` never goes backwards within a process by more than the machine's own clock
 * does; a timer fires at or after its time, at most once (`after`) or until cancelled (`every`),
 * and never after its cancel function has returned.
 *
 * **Life of a process.** Where an empty event loop ends a process, a timer of `after` holds it until it
 * has fired or was cancelled, since somebody waits for it; one of `every` does not. Whoever sets a
 * timer by `after` for later work that nobody awaits cancels it when it is closed.
 */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `fn` once, `ms` from now. Returns its cancel function. */
  after(ms: number, fn: () => void): () => void;
  /** Calls `fn` every `ms`. Returns its cancel function. */
  every(ms: number, fn: () => void): () => void;
}
