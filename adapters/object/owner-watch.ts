import type { Clock } from "../../src/ports/clock.ts";

export interface OwnerWatchOptions {
  readonly clock: Pick<Clock, "now">;
  /** How long in ms a renewal keeps leases valid. */
  readonly leaseMs: number;
  /** How often in ms an owner renews its leases. */
  readonly renewMs: number;
}

/** Tells from what is seen of other owners whether their leases hold. */
export interface OwnerWatch {
  /**
   * Whether the leases of an owner have lapsed, whose object was just seen with this time of expiry, epoch ms by
   * the owner's clock. Until that is certain they hold.
   */
  isLapsed(ownerId: string, untilMs: string): boolean;
}

/** Clocks that differ by less than this, in ms, never cost a living process its sessions. */
const MAX_SKEW_MS = 120_000;
/** A renewal may be late by this part of its period while the store is slow. */
const RENEWAL_SLACK = 1.2;
/** Most owners that are remembered. */
const MAX_OWNERS = 1_000;

/**
 * The clock of an owner may be another one. So the time in its object is believed at once only where it lies far in the
 * past; else the object has to have stood unchanged, by this process's clock, for longer than a
 * renewal takes - or, where the owner's clock is ahead, for a whole lease.
 */
export function createOwnerWatch({ clock, leaseMs, renewMs }: OwnerWatchOptions): OwnerWatch {
  const seen = new Map<string, { readonly untilMs: string; readonly sinceMs: number }>();

  /** How long in ms the owner's object has been seen as it is. */
  function unchangedMs(ownerId: string, untilMs: string): number {
    const known = seen.get(ownerId);
    if (known?.untilMs === untilMs) return clock.now() - known.sinceMs;
    seen.delete(ownerId);
    seen.set(ownerId, { untilMs, sinceMs: clock.now() });
    const [oldest] = seen.keys();
    if (seen.size > MAX_OWNERS && oldest !== undefined) seen.delete(oldest);
    return 0;
  }

  return {
    isLapsed(ownerId, untilMs) {
      const unchanged = unchangedMs(ownerId, untilMs);
      const overdue = clock.now() - Number(untilMs);
      if (overdue >= MAX_SKEW_MS || unchanged >= leaseMs) return true;
      return overdue >= 0 && unchanged >= renewMs * RENEWAL_SLACK;
    },
  };
}
