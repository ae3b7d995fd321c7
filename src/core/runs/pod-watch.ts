import type { Clock } from "../../ports/clock.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import type { RunEnd } from "../model/run-end-reasons.ts";

export interface PodWatchOptions {
  readonly key: SessionKey;
  readonly platform: Pick<SessionPlatform, "podEnd">;
  readonly clock: Clock;
  /** How long in ms `end` waits for the end of a pod whose runner is lost. */
  readonly graceMs: number;
  /** Called when the pod has ended and its last events have had the time to arrive. */
  readonly onGone: () => void;
}

/** Watches the pod of a session while a run is open. */
export interface PodWatch {
  /**
   * How the pod has ended, or null if nobody has seen it end. Waits a little, since that may become
   * known late.
   */
  end(): Promise<RunEnd | null>;
  /** Stops watching. */
  stop(): void;
}

/** A connection ends with its pod, unless its node has gone too: then nothing ever ends it. */
const LAST_WORDS_MS = 2_000;

export function watchPod({ key, platform, clock, graceMs, onGone }: PodWatchOptions): PodWatch {
  const abort = new AbortController();
  let cancel = (): void => {};
  let end: RunEnd | null = null;
  const seen = platform.podEnd(key, abort.signal).then(
    ({ reason, message }) => {
      end = { message, code: `pod-${reason}` };
      cancel = clock.after(LAST_WORDS_MS, onGone);
    },
    () => {
      // the watch was stopped
    },
  );

  return {
    async end() {
      if (end === null && graceMs > 0)
        await new Promise<void>((resolve) => {
          const stopWaiting = clock.after(graceMs, resolve);
          void seen.then(() => {
            stopWaiting();
            resolve();
          });
        });
      return end;
    },

    stop() {
      cancel();
      abort.abort();
    },
  };
}
