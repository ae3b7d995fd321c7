import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import type { Keys } from "./keys.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export interface OwnerOptions {
  readonly bucket: ObjectBucket;
  readonly keys: Keys;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  /** How long in ms a renewal keeps the leases valid. */
  readonly leaseMs: number;
}

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
  /** The state of another owner: its leases hold, have lapsed, or were released at its end. */
  fateOf(ownerId: string): Promise<"alive" | "lapsed" | "closed">;
  /** Removes the object, which releases all leases. Only when nothing is under way any more. */
  close(): Promise<void>;
}

const NOTHING = new Uint8Array(0);
const RENEWALS_PER_LEASE = 3;

export function createOwner(options: OwnerOptions): Owner {
  const { bucket, keys, retry, clock, logger, leaseMs } = options;
  const id = newId();
  let goodUntilMs = Number.NEGATIVE_INFINITY;
  let incarnation = 0;
  let renewing: Promise<void> | null = null;
  let stopRenewing: (() => void) | null = null;

  const isAlive = (): boolean => clock.now() < goodUntilMs;

  async function renew(): Promise<void> {
    const untilMs = clock.now() + leaseMs;
    const tag = String(Math.ceil(untilMs));
    await retry.until((signal) => bucket.put(keys.owner(id), NOTHING, { tag, signal }));
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
      return clock.now() < Number(sign.tag) ? "alive" : "lapsed";
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

/** 16 random characters of `[0-9a-f]`. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
