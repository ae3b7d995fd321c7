import type { Clock } from "../../ports/clock.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { BoundedMap } from "../../stream/sync/bounded-map.ts";

/** Which incarnation of each session was seen last, where sessions live outside the log store. */
export interface Sightings {
  /** Whether the session was seen a few seconds ago. */
  isRecent(key: SessionKey): boolean;
  /** The session was seen now, with this uid. */
  note(key: SessionKey, uid: string): void;
  /** It may be removed: it does not count as seen recently. */
  forget(key: SessionKey): void;
  /** The uid that was seen last, or null for none. */
  uidOf(key: SessionKey): string | null;
}

interface Sighting {
  readonly uid: string;
  readonly atMs: number;
}

/** How long in ms a session that was seen counts as existing, for requests that only read. */
const RECENT_MS = 5_000;
/** Most sessions whose last sighting is remembered: some hundred bytes each. */
const MAX_SEEN = 10_000;

export function createSightings(clock: Clock): Sightings {
  const seen = new BoundedMap<string, Sighting>(MAX_SEEN);
  return {
    isRecent(key) {
      const sighting = seen.get(idOf(key));
      return sighting !== undefined && clock.now() - sighting.atMs < RECENT_MS;
    },

    note: (key, uid) => seen.set(idOf(key), { uid, atMs: clock.now() }),

    forget(key) {
      const sighting = seen.get(idOf(key));
      // a log that is made in spite of that is still marked as the removed session's
      if (sighting) seen.set(idOf(key), { ...sighting, atMs: Number.NEGATIVE_INFINITY });
    },

    uidOf: (key) => seen.get(idOf(key))?.uid ?? null,
  };
}

/** The document of a log that is made now for the session as it was last seen; null for none. */
export function documentOf(sightings: Sightings, key: SessionKey): Uint8Array | null {
  const uid = sightings.uidOf(key);
  return uid === null ? null : encodeOwner(uid);
}

/** The document of the log of the session with this uid. */
export function encodeOwner(uid: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ uid }));
}
