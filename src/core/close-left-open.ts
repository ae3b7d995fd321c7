import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { Runs } from "./runs.ts";

interface CloseLeftOpenOptions {
  readonly runs: Pick<Runs, "closeLeftOpen">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often it is tried again to end the runs of a process that may be dead by now. */
const AGAIN_MS = 10_000;

/**
 * Ends the runs that earlier processes left open. Resolves when that was tried for all of them; those
 * of sessions that another process has are tried again until they are ended, or the function that it
 * resolves with is called. Rejects as the store does, the first time.
 */
export async function closeLeftOpen({
  runs,
  clock,
  logger,
}: CloseLeftOpenOptions): Promise<() => void> {
  let left = await runs.closeLeftOpen();
  return clock.every(AGAIN_MS, () => {
    if (left === 0) return;
    // not twice at once
    left = 0;
    runs.closeLeftOpen().then(
      (number) => {
        left = number;
      },
      (error: unknown) => {
        left = 1;
        logger.warn("runs-left-open", { error });
      },
    );
  });
}
