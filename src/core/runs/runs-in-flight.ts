import type { SessionKey } from "../../ports/log-store.ts";

/** Whether this run of the session is worked on; null asks for any. */
export type IsInFlight = (key: SessionKey, runId: string | null) => boolean;

/** Which runs this process works on, by all who work on runs. */
export interface RunsInFlight {
  has: IsInFlight;
  /** Asks this one as well from now on. */
  add(isInFlight: IsInFlight): void;
}

export function createRunsInFlight(): RunsInFlight {
  const workers: IsInFlight[] = [];
  return {
    has: (key, runId) => workers.some((isInFlight) => isInFlight(key, runId)),
    add: (isInFlight) => void workers.push(isInFlight),
  };
}
