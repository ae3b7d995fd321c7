import type { Logger } from "../../src/ports/logger.ts";
import { hasCode } from "../../src/ports/errors.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { type Lease, type Leases, notOwned } from "./lease.ts";

export interface SessionLeasesOptions {
  readonly leases: Leases;
  readonly logger: Pick<Logger, "warn">;
}

/** The leases that this process takes, and those that it keeps of sessions without a log. */
export interface SessionLeases {
  /** The lease that is kept for the session, or null. */
  kept(key: SessionKey): Lease | null;
  /** Keeps the lease of a session that has no log, for when one is made. */
  keep(key: SessionKey, lease: Lease): void;
  /** Forgets the lease that is kept. */
  forget(key: SessionKey): void;
  /** The sessions whose leases are kept. */
  keys(): readonly SessionKey[];
  /**
   * The lease of the session: the one that is kept, or a new one. Rejects with `log-not-owned` where another process has the
   * session, or after `stop`. `newest` is as in `Leases.take`.
   */
  take(key: SessionKey, newest?: number): Promise<Lease>;
  /** As `Leases.holderOf`. */
  find: Leases["holderOf"];
  /** Gives a lease up by `release`. Never rejects. */
  release(key: SessionKey, release: () => Promise<void>): Promise<void>;
  /** Takes no new leases from now on. */
  stop(): void;
  readonly isStopped: boolean;
}

export function createSessionLeases({ leases, logger }: SessionLeasesOptions): SessionLeases {
  const leaseOf = new Map<string, { readonly key: SessionKey; readonly lease: Lease }>();
  let isStopped = false;

  return {
    get isStopped() {
      return isStopped;
    },

    kept: (key) => leaseOf.get(idOf(key))?.lease ?? null,

    keep({ project, session }, lease) {
      const key = { project, session };
      leaseOf.set(idOf(key), { key, lease });
    },

    forget: (key) => void leaseOf.delete(idOf(key)),

    keys: () => [...leaseOf.values()].map(({ key }) => key),

    async take(key, newest) {
      const own = leaseOf.get(idOf(key))?.lease;
      leaseOf.delete(idOf(key));
      if (own && (await isStillHeld(own))) return own;
      if (isStopped) throw notOwned();
      return leases.take(key, newest === undefined ? {} : { newest });
    },

    find: (key) => leases.holderOf(key),

    async release({ project, session }, release) {
      await release().catch((error: unknown) => {
        // it lapses with this process at the latest
        logger.warn("lease-not-released", { project, session, error });
      });
    },

    stop() {
      isStopped = true;
    },
  };
}

/** Whether `hold` succeeds; rejects where it fails for another reason than that another process has the session. */
export function isStillHeld(own: { hold(): Promise<void> }): Promise<boolean> {
  return own.hold().then(() => true, isNotOwned);
}

/** False for the refusal of a session that another process has; throws any other error. */
export function isNotOwned(error: unknown): false {
  if (hasCode(error, "log-not-owned")) return false;
  throw error;
}
