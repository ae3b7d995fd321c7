import type { Clock } from "../../ports/clock.ts";
import { SHUTDOWN } from "../model/run-end-reasons.ts";

/**
 * A signal that aborts as `signal` does, but `ms` after it where the server stops: what is under way then may have its
 * answer in a moment.
 */
export function lateAtShutdown(
  signal: AbortSignal,
  ms: number,
  clock: Pick<Clock, "after">,
): AbortSignal {
  const late = new AbortController();
  const onAbort = (): void => {
    if (signal.reason === SHUTDOWN) clock.after(ms, () => late.abort(SHUTDOWN));
    else late.abort(signal.reason);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return late.signal;
}
