import { RunlogError } from "../../ports/errors.ts";
import type { LiveFeed } from "../../ports/live-feed.ts";
import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import { idOf } from "../../ports/session-id.ts";
import { createKeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { DELETED } from "../model/run-end-reasons.ts";
import type { Runs } from "../runs/runs.ts";
import { encodeOwner, type Sightings } from "./sightings.ts";

export interface IncarnationsOptions {
  readonly store: LogStore;
  readonly feed: LiveFeed;
  readonly directory: SessionDirectory;
  readonly runs: Pick<Runs, "endSession">;
  readonly sightings: Sightings;
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
  /** Forgets that the session was seen: it is being removed. */
  forget(key: SessionKey): void;
}

/** Where logs make sessions there is nothing to confirm: every name may be used. */
export function createIncarnations(options: IncarnationsOptions): Incarnations {
  const { store, feed, directory, runs, sightings } = options;
  const inTurn = createKeyedMutex();

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
      if (directory.logsMakeSessions || (freshness === "recent" && sightings.isRecent(key))) return;
      const document = await source.get(key);
      if (!document) {
        sightings.forget(key);
        throw notFound();
      }
      await inTurn.run(idOf(key), async () =>
        sightings.note(key, await settle(key, document.metadata.uid)),
      );
    },

    forget: (key) => sightings.forget(key),
  };
}

function notFound(): RunlogError {
  return new RunlogError("session-not-found", "Session not found");
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
