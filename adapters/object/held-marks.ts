import type { Clock } from "../../src/ports/clock.ts";
import { BoundedMap } from "../../src/stream/sync/bounded-map.ts";
import type { BucketAccess } from "./log-end.ts";
import type { Owner } from "./owner.ts";

export interface HeldMarksOptions {
  readonly access: BucketAccess;
  readonly clock: Clock;
  readonly owner: Pick<Owner, "fateOf" | "id">;
  /** No other process lives, whatever it has left. */
  readonly exclusive: boolean;
}

/** Which marks other living processes have set: nobody else has to look after their runs. */
export interface HeldMarks {
  /**
   * Returns what tells whether another living process has set the mark of this key. Each owner is asked for once a look, a
   * mark when it is met for the first time: a thousand runs of others cost a page of the listing.
   */
  look(): (key: string) => Promise<boolean>;
}

interface Held {
  readonly ownerId: string;
  /** Until when the mark alone is believed, epoch ms. */
  readonly untilMs: number;
}

/** Most marks that are remembered: one more is asked for again. */
const MAX_MARKS = 50_000;
/**
 * How long in ms a mark is left out at most. An owner that slept through its lease unseen has lost its sessions, and lives: so
 * each mark is given out now and then, for its lease to be asked.
 */
const TRUST_MS = 300_000;

export function createHeldMarks(options: HeldMarksOptions): HeldMarks {
  const { access, clock, exclusive, owner } = options;
  const { bucket, retry } = access;
  const known = new BoundedMap<string, Held>(MAX_MARKS);

  function note(key: string, ownerId: string): void {
    // not all of those that came together are given out together
    known.set(key, { ownerId, untilMs: clock.now() + TRUST_MS * (0.5 + Math.random() / 2) });
  }

  /** Who has set the mark; null if it has gone, or does not say so. */
  async function setterOf(key: string): Promise<string | null> {
    const found = await retry.until((signal) => bucket.head(key, { signal }));
    return found?.tag ? found.tag : null;
  }

  return {
    look() {
      if (exclusive) return async () => false;
      const fates = new Map<string, Promise<boolean>>();
      const lives = (ownerId: string): Promise<boolean> => {
        const asked = fates.get(ownerId) ?? owner.fateOf(ownerId).then((fate) => fate === "alive");
        fates.set(ownerId, asked);
        return asked;
      };

      return async (key) => {
        const held = known.get(key);
        if (held && (await lives(held.ownerId))) {
          const isTrusted = clock.now() < held.untilMs;
          if (!isTrusted) note(key, held.ownerId);
          return isTrusted;
        }
        known.delete(key);
        const ownerId = await setterOf(key);
        if (ownerId === null || ownerId === owner.id || !(await lives(ownerId))) return false;
        note(key, ownerId);
        return true;
      };
    },
  };
}
