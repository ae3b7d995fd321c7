import type { LiveFeed } from "../ports/live-feed.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore, SessionKey } from "../ports/log-store.ts";
import type { RingBudget } from "../stream/byte-ring.ts";
import { SessionLog } from "./session-log.ts";

export interface SessionsOptions {
  readonly store: LogStore;
  readonly feed: LiveFeed;
  readonly logger: Logger;
  readonly ringBytes: number;
  readonly ringBudget: RingBudget;
}

/** A use of a session's state: it stays until the last use is released. */
export interface SessionUse {
  readonly log: SessionLog;
  /** Idempotent. */
  release(): void;
}

/** All per-session state of the process: one entry a session in use, none for any other. */
export interface Sessions {
  /** The session's state, made if nobody else uses it. */
  use(key: SessionKey): SessionUse;
  /** Asks the store about every log that somebody waits on: announcements may be lost. */
  refreshWaiting(): Promise<void>;
  /** Sessions in use. */
  readonly size: number;
}

interface Entry {
  readonly log: SessionLog;
  uses: number;
}

export function createSessions(options: SessionsOptions): Sessions {
  const entries = new Map<string, Entry>();

  return {
    get size() {
      return entries.size;
    },

    use(key) {
      const id = `${key.project}/${key.session}`;
      const entry = entries.get(id) ?? { log: new SessionLog({ ...options, key }), uses: 0 };
      entries.set(id, entry);
      entry.uses++;
      let released = false;
      return {
        log: entry.log,
        release() {
          if (released) return;
          released = true;
          entry.uses--;
          if (entry.uses > 0) return;
          entries.delete(id);
          entry.log.close();
        },
      };
    },

    async refreshWaiting() {
      for (const { log } of entries.values())
        if (log.waiting > 0)
          await log.refresh().catch((error: unknown) => {
            options.logger.warn("log-not-readable", { ...log.key, error });
          });
    },
  };
}
