import type { Clock } from "../../ports/clock.ts";
import { hasCode } from "../../ports/errors.ts";
import type { LiveFeed } from "../../ports/live-feed.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import type { RingBudget } from "../../stream/bytes/byte-ring.ts";
import { BoundedMap } from "../../stream/sync/bounded-map.ts";
import { createLogLooks, type LookedAt } from "./log-look.ts";
import { CompactLog } from "../compaction/compact-log.ts";
import { withOverlay } from "../legacy/overlay-store.ts";
import type { LegacyImports } from "../legacy/legacy-imports.ts";
import { Session } from "./session.ts";
import { decodeCheckpoint, isOddCheckpoint } from "../model/checkpoint.ts";
import { RawLog } from "../log/raw-log.ts";
import { RESTARTED, type RunEnd } from "../model/run-end-reasons.ts";
import type { AgentStatus } from "../model/session-state.ts";
import { createSessionEvents, type SessionEvents } from "./session-events.ts";

export interface SessionsOptions {
  /** The bytes as they are stored: a session's writer has to know them. */
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
  /** Where it is announced that the end of a run was stored, and that state was released. Default: nobody listens. */
  readonly events?: SessionEvents;
  /** Default: no run is open. */
  readonly recovery?: RunRecovery;
}

/** What ends the runs that a log has open and nobody works on. */
export interface RunRecovery {
  /** Whether there may be such a run. Cheap. */
  isDue(key: SessionKey): boolean;
  /**
   * Ends them with `end`, but for those that are marked in the store. Cheap where there is none. Resolves
   * with whether the log has grown. Never rejects: what cannot be ended now is ended the next time.
   */
  recover(session: Session, end: RunEnd): Promise<boolean>;
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
  /** Calls `work` with the session's state, which is in use until that has settled. */
  with<T>(key: SessionKey, work: (session: Session) => Promise<T>): Promise<T>;
  /**
   * As `with`, but what `open` resolves with takes the use over and releases it; here it is released if
   * `open` rejects.
   */
  lend<T>(key: SessionKey, open: (use: SessionUse) => Promise<T>): Promise<T>;
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
  /**
   * Asks the store about logs that have waiting readers, since announcements may be lost: about each
   * that nobody waited for before, then every few seconds. Where the announcements of other processes
   * do not come in, those in which another one has a run open are asked about every time. To be called
   * every second.
   */
  refreshWaiting(): Promise<void>;
  /** Releases the state of sessions that were unused for the idle time. */
  sweep(): void;
  /** Sessions whose state is in memory. */
  readonly size: number;
  /** Whether the session is in use: by a run, or by who reads it. */
  isUsed(key: SessionKey): boolean;
  /** Sessions that are in use. */
  readonly used: number;
}

/** No run is open that nobody works on. */
const NO_RECOVERY: RunRecovery = { isDue: () => false, recover: async () => false };

/** Unreadable logs that are remembered, so that each is logged once. */
const MAX_UNREADABLE = 10_000;

interface Entry extends LookedAt {
  uses: number;
  unusedSince: number;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { store, clock, idleMs, logger } = options;
  const visible = withOverlay(store);
  const { events = createSessionEvents(), recovery = NO_RECOVERY } = options;
  const entries = new Map<string, Entry>();
  const unreadable = new BoundedMap<string, true>(MAX_UNREADABLE);
  const lookAt = createLogLooks(options);

  function enter(key: SessionKey): Entry {
    const log = new RawLog({ ...options, key });
    const compact = new CompactLog(key, visible);
    const session = new Session({ ...options, events, key, log, compact });
    const entry: Entry = { session, uses: 0, unusedSince: 0, look: null };
    entries.set(idOf(key), entry);
    return entry;
  }

  function release({ session }: Entry): void {
    entries.delete(idOf(session.key));
    session.log.close();
    events.emit("session-released", { key: session.key });
  }

  async function knownStatus(key: SessionKey): Promise<AgentStatus | null> {
    const entry = entries.get(idOf(key));
    if (entry?.session.isLoaded && store.owns(key)) return entry.session.state.status;
    const stat = await store.stat(key);
    unreadable.delete(idOf(key));
    if (stat && isOddCheckpoint(stat.head))
      return sessions.with(key, async (session) => {
        await session.load();
        return session.state.status;
      });
    return decodeCheckpoint(stat?.head ?? null).state.status;
  }

  function noteUnreadable(key: SessionKey, error: unknown): void {
    const id = idOf(key);
    if (unreadable.has(id)) return;
    unreadable.set(id, true);
    logger.warn("log-not-readable", { ...key, error });
  }

  const sessions: Sessions = {
    get size() {
      return entries.size;
    },

    isUsed: (key) => (entries.get(idOf(key))?.uses ?? 0) > 0,

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

    async with(key, work) {
      const use = sessions.use(key);
      try {
        return await work(use.session);
      } finally {
        use.release();
      }
    },

    async lend(key, open) {
      const use = sessions.use(key);
      try {
        return await open(use);
      } catch (error) {
        use.release();
        throw error;
      }
    },

    async agentStatus(key) {
      try {
        const status = await knownStatus(key);
        if (status !== "working") return status;
        await sessions.recover(key);
        return await knownStatus(key);
      } catch (error) {
        if (!hasCode(error, "store-failed")) throw error;
        noteUnreadable(key, error);
        return null;
      }
    },

    async recover(key) {
      if (!recovery.isDue(key)) return false;
      return sessions.with(key, (session) => recovery.recover(session, RESTARTED));
    },

    refreshWaiting: () => lookAt(entries.values()),

    sweep() {
      for (const entry of entries.values())
        if (entry.uses === 0 && clock.now() - entry.unusedSince >= idleMs) release(entry);
    },
  };
  return sessions;
}
