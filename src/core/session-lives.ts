import type { Clock } from "../ports/clock.ts";
import { RunlogError } from "../ports/errors.ts";
import type { LiveFeed } from "../ports/live-feed.ts";
import type { LogStat, LogStore, SessionKey } from "../ports/log-store.ts";
import type { SessionDirectory } from "../ports/session-directory.ts";
import { createTurns } from "../stream/turns.ts";
import { DELETED } from "./run.ts";
import type { Runs } from "./runs.ts";

export interface SessionLivesOptions {
  readonly store: LogStore;
  readonly feed: LiveFeed;
  readonly directory: SessionDirectory;
  readonly runs: Pick<Runs, "endSession">;
  readonly clock: Clock;
}

/** How sure somebody has to be that a session exists. */
export type Certainty =
  /** Known a few seconds ago. */
  | "recent"
  /** Asked for now. */
  | "now"
  /** Asked for now; and there is a log of the session then, into which may be written. */
  | "writable";

/**
 * Which life of a session its log belongs to. Where sessions are kept apart from their logs, one may
 * go and another come under its name while nobody here notices: then the log goes too. The `uid` of
 * the session that a log belongs to is the log's document.
 */
export interface SessionLives {
  /**
   * Sees to it that the session exists, and that the log under its name is none of an earlier one.
   * `source` is the directory as whoever asks may use it. Throws `session-not-found`, and as
   * directory and store.
   */
  confirm(key: SessionKey, source: SessionDirectory, certainty: Certainty): Promise<void>;
  /** The session is being removed: what is known of it counts for nothing. */
  forget(key: SessionKey): void;
}

/** How long a session that was seen counts as being there, for those who only read. */
const RECENT_MS = 5_000;
/** Sessions whose last sighting is remembered: some hundred bytes each. */
const MAX_SEEN = 10_000;

/** Where logs make sessions there is nothing to confirm: every name may be used. */
export function createSessionLives(options: SessionLivesOptions): SessionLives {
  const { store, feed, directory, runs, clock } = options;
  const seenAt = new Map<string, number>();
  const inTurn = createTurns();

  function isRecent(id: string): boolean {
    const at = seenAt.get(id);
    return at !== undefined && clock.now() - at < RECENT_MS;
  }

  function remember(id: string): void {
    seenAt.delete(id);
    seenAt.set(id, clock.now());
    const [oldest] = seenAt.keys();
    if (seenAt.size > MAX_SEEN && oldest !== undefined) seenAt.delete(oldest);
  }

  /** Leaves no log but one of the session with this uid; makes one if that is wanted. */
  async function settle(key: SessionKey, uid: string, wanted: boolean): Promise<void> {
    const stat = wanted ? await store.create(key) : await store.stat(key);
    const owner = stat && ownerOf(stat);
    if (!stat || owner === uid) return;
    // made a moment ago, or before anybody asked whose it is
    if (owner === null) return store.setDocument(key, stat.logId, encodeOwner(uid));
    // the log may be of a session that came after this uid was read: only what is there now counts
    const current = await directory.get(key);
    if (!current || current.metadata.uid === owner) return;
    await runs.endSession(key, DELETED, async () => {
      await store.delete(key);
      feed.publish({ ...key, logId: null, end: 0 });
    });
    if (wanted) await settle(key, current.metadata.uid, wanted);
  }

  return {
    async confirm(key, source, certainty) {
      const id = idOf(key);
      if (directory.logsMakeSessions || (certainty === "recent" && isRecent(id))) return;
      const document = await source.get(key);
      if (!document) {
        seenAt.delete(id);
        throw new RunlogError("session-not-found", "Session not found");
      }
      const { uid } = document.metadata;
      await inTurn.run(id, () => settle(key, uid, certainty === "writable"));
      remember(id);
    },

    forget: (key) => void seenAt.delete(idOf(key)),
  };
}

function encodeOwner(uid: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ uid }));
}

/** The uid of the session that the log belongs to, or null if nobody has said. */
function ownerOf({ document }: LogStat): string | null {
  if (document === null) return null;
  try {
    const owner: { uid?: unknown } = JSON.parse(new TextDecoder().decode(document));
    return typeof owner.uid === "string" ? owner.uid : null;
  } catch {
    return null;
  }
}

function idOf({ project, session }: SessionKey): string {
  return `${project}/${session}`;
}
