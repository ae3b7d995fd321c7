import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import type { PeerAddress } from "../../src/ports/session-owner.ts";
import { BoundedMap } from "../../src/stream/sync/bounded-map.ts";
import type { Keys } from "./keys.ts";
import { createOwnerWatch } from "./owner-watch.ts";
import { readWhole } from "./read-whole.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export interface OwnerOptions {
  readonly bucket: ObjectBucket;
  readonly keys: Keys;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  /** How long in ms a renewal keeps the leases valid. */
  readonly leaseMs: number;
  /** How others reach this process; null: they do not. */
  readonly advertised: PeerAddress | null;
}

/** What is known of another owner: its leases hold, hold and are being released, have lapsed, or were released at its end. */
type Fate = "alive" | "leaving" | "lapsed" | "closed";

/**
 * This process as others see it: one object with the time until which its leases hold, renewed for
 * all of them at once. A process that does not renew it in time is dead to the others, also if it
 * only slept.
 */
export interface Owner {
  readonly id: string;
  /** How often this owner was born: it changes when its leases have lapsed in between. */
  readonly incarnation: number;
  /** Whether the last renewal is still valid. Then no other process has taken anything. */
  readonly isAlive: boolean;
  /** Renews the leases unless the last renewal is still valid. */
  live(): Promise<void>;
  /** The state of another owner. */
  fateOf(ownerId: string): Promise<Fate>;
  /** How a living owner is reached; null if it does not say so. */
  peerOf(ownerId: string): Promise<PeerAddress | null>;
  /** Tells the others that leases are being released one by one. Never rejects. */
  leave(): Promise<void>;
  /** Removes the object, which releases all leases. Only when nothing is under way any more. */
  close(): Promise<void>;
}

const RENEWALS_PER_LEASE = 3;
/** Owners whose addresses are remembered. */
const MAX_PEERS = 1_000;
/** Ends the tag of an owner that takes no more sessions. */
const LEAVING = "-leaving";

export function createOwner(options: OwnerOptions): Owner {
  const { bucket, keys, retry, clock, logger, leaseMs } = options;
  const id = newId();
  const body = encodePeer(options.advertised);
  const others = createOwnerWatch({ clock, leaseMs, renewMs: leaseMs / RENEWALS_PER_LEASE });
  /** An owner's address never changes: started again it is another owner. */
  const peers = new BoundedMap<string, PeerAddress | null>(MAX_PEERS);
  let isLeaving = false;
  let goodUntilMs = Number.NEGATIVE_INFINITY;
  let incarnation = 0;
  let renewing: Promise<void> | null = null;
  let stopRenewing: (() => void) | null = null;

  const isAlive = (): boolean => clock.now() < goodUntilMs;

  async function renew(): Promise<void> {
    const untilMs = clock.now() + leaseMs;
    const tag = `${Math.ceil(untilMs)}${isLeaving ? LEAVING : ""}`;
    await retry.until((signal) => bucket.put(keys.owner(id), body, { tag, signal }));
    // what lapsed while the store was silent may have been taken by others
    if (!isAlive()) incarnation++;
    goodUntilMs = untilMs;
  }

  /** One renewal at a time, for all who ask. */
  function renewNow(): Promise<void> {
    renewing ??= renew().finally(() => {
      renewing = null;
    });
    return renewing;
  }

  return {
    id,
    get incarnation() {
      return incarnation;
    },
    get isAlive() {
      return isAlive();
    },

    async live() {
      stopRenewing ??= clock.every(leaseMs / RENEWALS_PER_LEASE, () => {
        renewNow().catch((error: unknown) => logger.warn("lease-not-renewed", { error }));
      });
      if (!isAlive()) await renewNow();
    },

    async fateOf(ownerId) {
      const sign = await retry.until((signal) => bucket.head(keys.owner(ownerId), { signal }));
      if (sign === null) return "closed";
      if (others.isLapsed(ownerId, sign.tag.replace(LEAVING, ""))) return "lapsed";
      return sign.tag.endsWith(LEAVING) ? "leaving" : "alive";
    },

    async peerOf(ownerId) {
      const known = peers.get(ownerId);
      if (known !== undefined) return known;
      const bytes = await retry.until(async (signal) => {
        const found = await bucket.get(keys.owner(ownerId), { signal });
        return found && readWhole(found);
      });
      const peer = bytes && decodePeer(bytes);
      if (bytes !== null) peers.set(ownerId, peer);
      return peer;
    },

    async leave() {
      isLeaving = true;
      await renewing?.catch(() => {});
      if (stopRenewing !== null) await renewNow().catch(() => {});
    },

    async close() {
      stopRenewing?.();
      await renewing?.catch(() => {});
      if (stopRenewing === null) return;
      goodUntilMs = Number.NEGATIVE_INFINITY;
      await retry.until((signal) => bucket.delete([keys.owner(id)], { signal }));
    },
  };
}

function encodePeer(peer: PeerAddress | null): Uint8Array {
  return peer === null ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(peer));
}

/** Null for one without an address, and for what cannot be read. */
function decodePeer(bytes: Uint8Array): PeerAddress | null {
  try {
    const said: { url?: unknown; key?: unknown } = JSON.parse(new TextDecoder().decode(bytes));
    const { url, key } = said;
    return typeof url === "string" && typeof key === "string" ? { url, key } : null;
  } catch {
    return null;
  }
}

/** 16 random characters of `[0-9a-f]`. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
