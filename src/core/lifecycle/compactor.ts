import { hasCode } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import type { SessionEvents } from "../session/session-events.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../session/session-registry.ts";
import type { Archiver } from "../archive/archiving-store.ts";
import type { Keyframes } from "../profile/keyframes/keyframes.ts";
import type { RunIndexes } from "../history/run-index.ts";
import { compactSession } from "../compaction/compact-session.ts";

export interface CompactorOptions {
  readonly store: LogStore;
  readonly logger: Logger;
  readonly sessions: Sessions;
  readonly events: Pick<SessionEvents, "on">;
  readonly runIndexes: RunIndexes;
  readonly keyframes: Keyframes;
  /** Which sessions are archived; null if none is. */
  readonly archiver: Pick<Archiver, "isEvicted"> | null;
}

/**
 * Compacts the finished runs of sessions, lists them, and makes keyframes, in the background, one session of the process at a time.
 * A session whose bytes are in the archive alone stays as it is: to write its log would restore it.
 */
export interface Compactor {
  /** Sessions that wait for their turn. */
  readonly waiting: number;
  /** Requests a compaction; does nothing if there is nothing to compact. */
  request(key: SessionKey): void;
  /** Compacts the session next; resolves when that is over, also when it failed. */
  compact(key: SessionKey): Promise<void>;
  /**
   * Stops; the next compaction goes on with what is incomplete. Resolves when nothing is under way.
   */
  close(): Promise<void>;
}

/** Most sessions that wait; a session beyond that is compacted after its next use. */
const MOST_WAITING = 10_000;

export function createCompactor(options: CompactorOptions): Compactor {
  const { store, logger, runIndexes, keyframes, sessions, archiver } = options;
  const stop = new AbortController();
  const waiting = new Map<string, SessionKey>();
  let working: Promise<void> | null = null;
  let last: Promise<void> = Promise.resolve();

  async function work(): Promise<void> {
    for (const [id, key] of waiting) {
      waiting.delete(id);
      await inTurn(key);
    }
    working = null;
  }

  function inTurn(key: SessionKey): Promise<void> {
    last = last.then(() => sessions.with(key, compact));
    return last;
  }

  async function compact(session: Session): Promise<void> {
    if (stop.signal.aborted) return;
    const { key } = session;
    try {
      if (await archiver?.isEvicted(key)) return;
      const readable = await session.readable();
      const { signal } = stop;
      // the pass over what has come, first: the other one takes longer
      await runIndexes.update(session, signal);
      if (!readable) return;
      await compactSession({ key, store, log: session.compact, readable, signal });
      await keyframes.update(session, signal);
    } catch (error) {
      session.compact.forget();
      const isGone = hasCode(error, "log-not-found", "log-fenced", "log-not-owned", "store-closed");
      if (!isGone && !stop.signal.aborted) logger.warn("session-not-condensed", { ...key, error });
    }
  }

  function request(key: SessionKey): void {
    if (stop.signal.aborted || waiting.size >= MOST_WAITING) return;
    waiting.set(idOf(key), key);
    working ??= work();
  }

  options.events.on("run-ended", ({ key }) => request(key));
  return {
    get waiting() {
      return waiting.size;
    },
    request,
    compact: inTurn,
    async close() {
      stop.abort();
      await working;
      await last;
    },
  };
}
