import type { Clock } from "../../ports/clock.ts";
import { hasCode } from "../../ports/errors.ts";
import type { LiveFeed } from "../../ports/live-feed.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import type { RingBudget } from "../../stream/bytes/byte-ring.ts";
import { CompactLog } from "../compaction/compact-log.ts";
import type { LegacyImports } from "../legacy/legacy-imports.ts";
import { Session } from "./session.ts";
import { decodeCheckpoint, isOddCheckpoint } from "../model/checkpoint.ts";
import { RawLog } from "../log/raw-log.ts";
import type { AgentStatus } from "../model/session-state.ts";

export interface SessionsOptions {
  readonly store: LogStore;
  readonly feed: LiveFeed;
  readonly legacyImports: LegacyImports;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ringBytes: number;
  readonly ringBudget: RingBudget;
  /** How long in ms the state of an unused session is kept. */
  readonly idleMs: number;
  /** The document of a log that is made for the session, or null for none. Default: none. */
  readonly documentOf?: (key: SessionKey) => Uint8Array | null;
  /** Called when the state of a session is released. */
  readonly onReleased?: (key: SessionKey) => void;
  /** Called when the end of a run was stored. */
  readonly onRunEnded?: (key: SessionKey) => void;
  /**
   * Ends the runs that the log has open and nobody works on; resolves with whether the log has
   * grown since then. Never rejects. Default: no run is open.
   */
  readonly recover?: (key: SessionKey) => Promise<boolean>;
}

/** A use of a session's state, which is kept at least until the last use is released. */
export interface SessionUse {
  readonly session: Session;
  /** Idempotent. */
  release(): void;
}

/** All per-session state of the process. */
export interface Sessions {
  /** The session's state; made if it is not in memory. */
  use(key: SessionKey): SessionUse;
  /**
   * What the session's agent is doing, from memory or from the checkpoint. O(1), with two
   * exceptions: a checkpoint that cannot be read makes the log be folded once, and one with an open
   * run that nobody here works on is checked now and then. Null for a log that cannot be read,
   * which is logged once, so that a list does not fail for one of its sessions.
   */
  agentStatus(key: SessionKey): Promise<AgentStatus | null>;
  /**
   * To be called when the log is read: ends the runs that it has open and nobody works on. Resolves
   * with whether the log has grown since then. Never rejects.
   */
  recover(key: SessionKey): Promise<boolean>;
  /** Asks the store about every log that has waiting readers, since announcements may be lost. */
  refreshWaiting(): Promise<void>;
  /** Releases the state of sessions that were unused for the idle time. */
  sweep(): void;
  /** Sessions whose state is in memory. */
  readonly size: number;
  /** Sessions that are in use. */
  readonly used: number;
}

/** Unreadable logs that are remembered, so that each is logged once. */
const MAX_UNREADABLE = 10_000;

interface Entry {
  readonly session: Session;
  uses: number;
  unusedSince: number;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { store, clock, idleMs, logger, onReleased } = options;
  const { recover = async () => false } = options;
  const entries = new Map<string, Entry>();
  const unreadable = new Set<string>();

  function enter(key: SessionKey): Entry {
    const log = new RawLog({ ...options, key });
    const compact = new CompactLog(key, store);
    const session = new Session({ ...options, key, log, compact });
    const entry: Entry = { session, uses: 0, unusedSince: 0 };
    entries.set(idOf(key), entry);
    return entry;
  }

  async function statusOfLog(key: SessionKey): Promise<AgentStatus | null> {
    const use = sessions.use(key);
    try {
      await use.session.load();
      return use.session.state.status;
    } finally {
      use.release();
    }
  }

  function release({ session }: Entry): void {
    entries.delete(idOf(session.key));
    session.log.close();
    onReleased?.(session.key);
  }

  async function knownStatus(key: SessionKey): Promise<AgentStatus | null> {
    const entry = entries.get(idOf(key));
    if (entry?.session.isLoaded) return entry.session.state.status;
    const stat = await store.stat(key);
    unreadable.delete(idOf(key));
    if (stat && isOddCheckpoint(stat.head)) return statusOfLog(key);
    return decodeCheckpoint(stat?.head ?? null).state.status;
  }

  function noteUnreadable(key: SessionKey, error: unknown): void {
    const id = idOf(key);
    if (unreadable.has(id) || unreadable.size >= MAX_UNREADABLE) return;
    unreadable.add(id);
    logger.warn("log-not-readable", { ...key, error });
  }

  const sessions: Sessions = {
    get size() {
      return entries.size;
    },

    get used() {
      let used = 0;
      for (const { uses } of entries.values()) if (uses > 0) used++;
      return used;
    },

    use(key) {
      const entry = entries.get(idOf(key)) ?? enter(key);
      entry.uses++;
      let released = false;
      return {
        session: entry.session,
        release() {
          if (released) return;
          released = true;
          entry.uses--;
          entry.unusedSince = clock.now();
          // a request may name any session: one without a log leaves no state
          if (entry.uses === 0 && entry.session.log.position === null) release(entry);
        },
      };
    },

    async agentStatus(key) {
      try {
        const status = await knownStatus(key);
        if (status !== "working") return status;
        await recover(key);
        return await knownStatus(key);
      } catch (error) {
        if (!hasCode(error, "store-failed")) throw error;
        noteUnreadable(key, error);
        return null;
      }
    },

    recover,

    async refreshWaiting() {
      for (const { session } of entries.values())
        if (session.log.waiting > 0)
          await session.log.refresh().catch((error: unknown) => {
            logger.warn("log-not-readable", { ...session.key, error });
          });
    },

    sweep() {
      for (const entry of entries.values())
        if (entry.uses === 0 && clock.now() - entry.unusedSince >= idleMs) release(entry);
    },
  };
  return sessions;
}
