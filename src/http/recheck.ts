import type { SessionService } from "../core/service.ts";
import { hasCode } from "../ports/errors.ts";
import type { RequestAccess } from "./access.ts";

/** Answers that end a stream; whatever else goes wrong says nothing about its client. */
const NO = ["access-denied", "token-invalid", "token-missing", "session-not-found"] as const;
/** After a question that nobody answered, ms. */
const RETRY_MS = 10_000;
/**
 * After a first no, ms. An API server that has just started refuses everybody until it has read its own
 * rules, and takes no tokens until it has what it checks them with.
 */
const CONFIRM_MS = 5_000;
/** Of a time, so that streams which were opened together do not ask together. */
const JITTER = 0.2;

export interface AccessWatch {
  /** Aborts when the client may not see the stream any more. */
  readonly signal: AbortSignal;
  /** Asks no more. Idempotent. */
  stop(): void;
}

/**
 * Asks again and again, every `reauthMs`, whether a client may still see what it sees. A no that is
 * confirmed 5 s later ends it; a question that cannot be answered confirms nothing, and is repeated soon.
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

  /** `wasRefused`: the answer before this one was a no. */
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
