import type { Clock } from "../../src/ports/clock.ts";
import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import { BackOff } from "../../src/stream/sync/back-off.ts";

export interface RetryOptions {
  /** Attempts in all, default 15. */
  readonly attempts?: number;
  /** Wait after the first attempt, default 500 ms. */
  readonly firstWaitMs?: number;
  /** How much longer each wait is than the one before, default 1.5. */
  readonly factor?: number;
  /** Longest wait, default 5 s. */
  readonly maxWaitMs?: number;
}

export interface RetryContext {
  readonly clock: Clock;
  /** Ends the waiting; its reason is thrown then. */
  readonly signal: AbortSignal;
}

/**
 * Calls `attempt` again while it fails without having made a connection. Throws what else it throws
 * at once, and `runner-unreachable` after the last attempt.
 */
export async function retryUnconnected<T>(
  attempt: () => Promise<T>,
  options: RetryOptions,
  { clock, signal }: RetryContext,
): Promise<T> {
  const { attempts = 15, firstWaitMs = 500, factor = 1.5, maxWaitMs = 5_000 } = options;
  const backOff = new BackOff({ firstMs: firstWaitMs, maxMs: maxWaitMs, factor });
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (cause) {
      if (signal.aborted || !sentNothing(cause)) throw cause;
      if (count >= attempts)
        throw new RunlogError("runner-unreachable", "the runner could not be reached", {
          cause,
          attempts: count,
          isNameUnknown: isNameUnknown(cause),
        });
    }
    await wait(backOff.next(), clock, signal);
  }
}

const CONNECT_CODES: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);
const CONNECT_CALLS: ReadonlySet<unknown> = new Set(["connect", "getaddrinfo"]);
const NAME_CODES: ReadonlySet<unknown> = new Set(["ENOTFOUND", "EAI_AGAIN"]);

/** Whether an attempt failed before anything was sent to the runner. */
function sentNothing(error: unknown): boolean {
  return madeNoConnection(error) || hasCode(error, "runner-unreachable");
}

/**
 * Whether a failed `fetch` has certainly sent nothing, because no connection was made.
 *
 * The fetch standard leaves that open; Node and undici put it in the `cause` of their TypeError. If
 * that names a system call, the call decides: `EHOSTUNREACH` and `ETIMEDOUT` come from an
 * established connection too, but then not from `connect`. Without one, the code decides. Where
 * several addresses were tried (AggregateError) all of them must have failed so. Everything else -
 * another runtime, an unknown cause - counts as a connection, since a run posted twice is worse
 * than one that is not tried again.
 */
export function madeNoConnection(error: unknown): boolean {
  return isConnectFailure(causeOf(error));
}

function isConnectFailure(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if (cause instanceof AggregateError)
    return cause.errors.length > 0 && cause.errors.every(isConnectFailure);
  if ("syscall" in cause) return CONNECT_CALLS.has(cause.syscall);
  return "code" in cause && CONNECT_CODES.has(cause.code);
}

/** Whether an attempt failed because the name of the runner's host does not resolve. */
function isNameUnknown(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof Error && "code" in cause && NAME_CODES.has(cause.code);
}

/** Whether `fetch` refused the port: the fetch standard has a list of those that it never asks. */
export function isBadPort(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof Error && cause.message === "bad port";
}

/** Why a `fetch` failed: it throws a TypeError around that. */
function causeOf(error: unknown): unknown {
  return error instanceof TypeError ? error.cause : undefined;
}

/** Resolves after `ms`; rejects with the signal's reason. */
export function wait(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener("abort", leave);
      resolve();
    });
    signal.addEventListener("abort", leave, { once: true });
  });
}
