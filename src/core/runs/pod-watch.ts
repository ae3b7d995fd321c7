import type { Clock } from "../../ports/clock.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import type { RunEnd } from "../model/run-end-reasons.ts";

export interface PodWatchOptions {
  readonly key: SessionKey;
  readonly platform: Pick<SessionPlatform, "podEnd">;
  readonly clock: Clock;
  /** How long in ms `end` waits for word of a pod whose runner has gone. */
  readonly graceMs: number;
  /** Told when the pod has ended and what it still said has had the time to arrive. */
  readonly onGone: () => void;
}

/** An eye on the pod of a session while a run is open. */
export interface PodWatch {
  /** How the pod has ended, or null if nobody has seen it end. Word of it may come a little late. */
  end(): Promise<RunEnd | null>;
  /** Looks no more. */
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
      // looked no more
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
