/**
 * Time, as a port so that tests can control it.
 *
 * **Consistency.** `now` never goes backwards within a process by more than the machine's own clock
 * does; a timer fires at or after its time, at most once (`after`) or until cancelled (`every`),
 * and never after its cancel function has returned.
 *
 * **Process exit.** Where a process ends when its event loop is empty, a timer of `after` keeps the
 * process running until it has fired or was cancelled, since somebody waits for it; one of `every`
 * does not. Whoever sets a timer by `after` for later work that nobody awaits cancels it when it is
 * closed.
 */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `fn` once, `ms` from now. Returns a function that cancels the call. */
  after(ms: number, fn: () => void): () => void;
  /** Calls `fn` every `ms`. Returns a function that cancels the calls. */
  every(ms: number, fn: () => void): () => void;
}
