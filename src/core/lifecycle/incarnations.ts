import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { LiveFeed } from "../../ports/live-feed.ts";
import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import { idOf } from "../../ports/session-id.ts";
import { createKeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { DELETED } from "../model/run-end-reasons.ts";
import type { Runs } from "../runs/runs.ts";

export interface IncarnationsOptions {
  readonly store: LogStore;
  readonly feed: LiveFeed;
  readonly directory: SessionDirectory;
  readonly runs: Pick<Runs, "endSession">;
  readonly clock: Clock;
}

/** How fresh the knowledge that a session exists has to be: a few seconds old, or asked for now. */
export type Freshness = "recent" | "now";

/**
 * Tracks which incarnation of a session owns its log. Where sessions live outside the log store
 * (Kubernetes), one can be deleted and recreated under the same name unnoticed; the old log must
 * then be deleted. The `uid` of the session that a log belongs to is the log's document.
 */
export interface Incarnations {
  /**
   * Makes sure that the session exists, and that the log under its name does not belong to an
   * earlier one. `source` is the directory as the caller may use it. Throws `session-not-found`,
   * and as directory and store.
   */
  confirm(key: SessionKey, source: SessionDirectory, freshness: Freshness): Promise<void>;
  /** The document of a log that is made now for the session as it was last seen; null for none. */
  documentOf(key: SessionKey): Uint8Array | null;
  /** Forgets that the session was seen: it is being removed. */
  forget(key: SessionKey): void;
}

interface Sighting {
  readonly uid: string;
  readonly atMs: number;
}

/** How long in ms a session that was seen counts as existing, for requests that only read. */
const RECENT_MS = 5_000;
/** Most sessions whose last sighting is remembered: some hundred bytes each. */
const MAX_SEEN = 10_000;

/** Where logs make sessions there is nothing to confirm: every name may be used. */
export function createIncarnations(options: IncarnationsOptions): Incarnations {
  const { store, feed, directory, runs, clock } = options;
  const seen = new Map<string, Sighting>();
  const inTurn = createKeyedMutex();

  function isRecent(id: string): boolean {
    const sighting = seen.get(id);
    return sighting !== undefined && clock.now() - sighting.atMs < RECENT_MS;
  }

  function remember(id: string, uid: string): void {
    seen.delete(id);
    seen.set(id, { uid, atMs: clock.now() });
    const [oldest] = seen.keys();
    if (seen.size > MAX_SEEN && oldest !== undefined) seen.delete(oldest);
  }

  function forget(key: SessionKey): void {
    const sighting = seen.get(idOf(key));
    // a log that is made in spite of that is still marked as the removed session's
    if (sighting) seen.set(idOf(key), { ...sighting, atMs: Number.NEGATIVE_INFINITY });
  }

  /** Deletes a log that is not the existing session's; resolves with the uid of that session. */
  async function settle(key: SessionKey, uid: string): Promise<string> {
    const stat = await store.stat(key);
    const owner = stat && ownerOf(stat);
    if (!stat || owner === uid) return uid;
    if (owner === null) {
      // a log from before its owner was recorded
      await store.setDocument(key, stat.logId, encodeOwner(uid));
      return uid;
    }
    // the log may be of a session that came after this uid was read: only the directory's answer
    // now counts
    const current = await directory.get(key);
    if (!current) throw notFound();
    if (current.metadata.uid === owner) return owner;
    await runs.endSession(key, DELETED, async () => {
      await store.delete(key);
      feed.publish({ ...key, logId: null, end: 0 });
    });
    return current.metadata.uid;
  }

  return {
    async confirm(key, source, freshness) {
      const id = idOf(key);
      if (directory.logsMakeSessions || (freshness === "recent" && isRecent(id))) return;
      const document = await source.get(key);
      if (!document) {
        forget(key);
        throw notFound();
      }
      await inTurn.run(id, async () => remember(id, await settle(key, document.metadata.uid)));
    },

    documentOf(key) {
      const sighting = seen.get(idOf(key));
      return sighting ? encodeOwner(sighting.uid) : null;
    },

    forget,
  };
}

function notFound(): RunlogError {
  return new RunlogError("session-not-found", "Session not found");
}

function encodeOwner(uid: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ uid }));
}

/** The uid of the session that the log belongs to, or null if none is recorded. */
function ownerOf({ document }: LogStat): string | null {
  if (document === null) return null;
  try {
    const owner: { uid?: unknown } = JSON.parse(new TextDecoder().decode(document));
    return typeof owner.uid === "string" ? owner.uid : null;
  } catch {
    return null;
  }
}
