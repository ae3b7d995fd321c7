import type { RunErrorCode } from "./server-events.ts";

/** The end of a run that the server writes itself. */
export interface RunEnd {
  readonly message: string;
  readonly code: RunErrorCode;
}

export const UNREACHED: RunEnd = { message: "Runner is not available", code: "runner-unavailable" };
export const UNFINISHED: RunEnd = {
  message: "Runner stream ended before the run finished",
  code: "runner-disconnected",
};
/** The runner answered that it does not know the run any more, or not all of it. */
export const LOST_RUN: RunEnd = {
  message: "Runner no longer has the run",
  code: "runner-lost-run",
};
/** The session's agent is none of those that are configured. */
export const NO_AGENT: RunEnd = {
  message: "The session's agent is not configured any more",
  code: "agent-not-configured",
};
/** Nothing came of a run that its agent pushes, for as long as it may be silent. */
export const PRODUCER_LOST: RunEnd = {
  message: "Nothing more came from the producer of the run",
  code: "producer-lost",
};
export const TOO_LONG: RunEnd = { message: "Run took longer than it may", code: "run-too-long" };
export const SHUTDOWN: RunEnd = { message: "Server is shutting down", code: "server-shutdown" };
export const DELETED: RunEnd = { message: "Session was deleted", code: "session-deleted" };
export const RESTARTED: RunEnd = {
  message: "Server restarted during the run",
  code: "server-restarted",
};
/** The run never reached its runner: the same run may be posted again. */
export const NOT_STARTED: RunEnd = { message: "Run was not started", code: "run-not-started" };
/** The only end that is no RUN_ERROR: RUN_FINISHED with an outcome of this name. */
export const CANCELLED: RunEnd = { message: "Run was cancelled", code: "run-cancelled" };
export const INTERNAL: RunEnd = { message: "Internal error", code: "internal" };
export const NOT_STORED: RunEnd = {
  message: "Event log could not be written",
  code: "store-failed",
};

/**
 * The session's runs were ended before this one was stored: the server stops or the session is
 * deleted.
 */
export class RunsEndedError extends Error {
  constructor(options?: ErrorOptions) {
    super("The session's runs were ended", options);
  }
}
