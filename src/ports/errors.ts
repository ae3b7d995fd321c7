/**
 * Every failure that crosses a port, as a closed set. Adapters translate their system's errors
 * (`ENOSPC`, 412, `NoSuchKey`) once, at their edge, and keep the original as `cause`.
 */
export type RunlogErrorCode =
  // names and input
  | "invalid-name"
  | "invalid-input"
  | "unsupported-media-type"
  | "body-too-large"
  | "request-timeout"
  | "host-refused"
  // callers
  | "token-missing"
  | "token-invalid"
  | "access-denied"
  | "review-failed"
  // sessions and runs
  | "session-not-found"
  | "event-not-found"
  | "session-exists"
  | "session-running"
  | "session-conflict"
  | "run-active"
  | "run-not-found"
  | "agent-not-found"
  | "agent-conflict"
  | "agent-not-configured"
  | "run-ended"
  | "overloaded"
  | "rate-limited"
  | "platform-failed"
  // the log store
  | "log-not-found"
  | "log-not-writable"
  | "log-not-adoptable"
  | "log-fenced"
  | "log-not-owned"
  | "peer-unreachable"
  | "log-range"
  | "head-too-large"
  | "document-too-large"
  | "store-closed"
  | "store-locked"
  | "store-format"
  | "store-full"
  | "quota-exceeded"
  | "store-busy"
  | "store-unanswered"
  | "store-failed"
  // the audit log
  | "audit-not-writable"
  // the archive
  | "archive-not-configured"
  | "archive-damaged"
  // the runner
  | "runner-unreachable"
  | "runner-refused"
  | "runner-not-an-event-stream"
  | "runner-address-unfit"
  | "runner-disconnected"
  // anything that no code above names
  | "internal";

/** Facts that travel with an error: an HTTP status, a limit, an id. Never a path, address or secret. */
export interface RunlogErrorFacts {
  readonly cause?: unknown;
  readonly [fact: string]: unknown;
}

/**
 * The one error class of runlog. `code` is what programs branch on; `message` is for people and may
 * reach a client when the code maps to a 4xx status.
 *
 * @example
 * ```ts
 * import { type LogStore, RunlogError, type SessionKey } from "runlog";
 *
 * export const lengthOf = (store: LogStore, key: SessionKey): Promise<number> =>
 *   store.stat(key).then((stat) => {
 *     if (!stat) throw new RunlogError("log-not-found", "There is no such log");
 *     return stat.end.raw;
 *   });
 * ```
 */
export class RunlogError extends Error {
  readonly code: RunlogErrorCode;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: RunlogErrorCode, message: string, facts: RunlogErrorFacts = {}) {
    const { cause, ...rest } = facts;
    super(message, cause === undefined ? undefined : { cause });
    this.name = "RunlogError";
    this.code = code;
    this.facts = rest;
  }
}

/** Whether `error` is a RunlogError with one of `codes`. */
export function hasCode(error: unknown, ...codes: RunlogErrorCode[]): error is RunlogError {
  return error instanceof RunlogError && codes.includes(error.code);
}
