import type { SessionService } from "../core/service.ts";
import { hasCode } from "../ports/errors.ts";
import type { RequestAccess } from "./access.ts";

/** Errors that end a stream; any other failure does not concern its client. */
const NO = ["access-denied", "token-invalid", "token-missing", "session-not-found"] as const;
/** Pause in ms after a question without an answer. */
const RETRY_MS = 10_000;
/**
 * Pause in ms after a first no. An API server that has just started refuses every request until it
 * has read its own rules, and accepts no tokens until it has what it checks them with.
 */
const CONFIRM_MS = 5_000;
/**
 * Share of a pause by which it varies, so that streams which were opened together do not ask
 * together.
 */
const JITTER = 0.2;

export interface AccessWatch {
  /** Aborts when the client is not allowed to see the stream any more. */
  readonly signal: AbortSignal;
  /** Stops asking. Idempotent. */
  stop(): void;
}

/**
 * Checks every `reauthMs` whether a client is still allowed to see its stream. A no that is
 * confirmed 5 s later ends the stream; a question without an answer confirms nothing, and is
 * repeated soon.
 */
export function watchAccess(
  { clock, limits, logger }: Pick<SessionService, "clock" | "limits" | "logger">,
  access: RequestAccess,
): AccessWatch {
  const revoked = new AbortController();
  const stopped = new AbortController();
  let cancel = (): void => {};

  function askAfter(ms: number): void {
    cancel = clock.after(ms * (1 - JITTER * Math.random()), () => void ask(false));
  }

  /** `wasRefused`: the previous answer was a no. */
  async function ask(wasRefused: boolean): Promise<void> {
    try {
      await access.recheck(stopped.signal);
      if (!stopped.signal.aborted) askAfter(limits.reauthMs);
    } catch (error) {
      if (stopped.signal.aborted) return;
      if (!hasCode(error, ...NO)) {
        logger.warn("stream-access-unknown", { error });
        askAfter(Math.min(RETRY_MS, limits.reauthMs));
      } else if (wasRefused) {
        logger.info("stream-access-withdrawn", { code: error.code });
        revoked.abort();
      } else {
        logger.info("stream-access-refused", { code: error.code });
        cancel = clock.after(CONFIRM_MS, () => void ask(true));
      }
    }
  }

  askAfter(limits.reauthMs);
  return {
    signal: revoked.signal,
    stop() {
      cancel();
      stopped.abort();
    },
  };
}
