import { RunlogError } from "../../src/ports/errors.ts";
import { LOG_NAMES, type LogName, type SessionKey } from "../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import type { Keys } from "./keys.ts";
import type { Owner } from "./owner.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import { putOnce } from "./put-once.ts";

export interface LeasesOptions {
  readonly bucket: ObjectBucket;
  readonly keys: Keys;
  readonly retry: RetryPolicy;
  readonly owner: Owner;
  /** Whether the platform lets one process at a time have a session: then leases are taken at once. */
  readonly exclusive: boolean;
}

/** The right to write a session, until it lapses and another process takes it. */
export interface Lease {
  /** Counts the takings of this session: what a holder writes is named by it. */
  readonly epoch: number;
  /** Whether its last holder did not give it up, and may only be slow. */
  readonly fromDead: boolean;
  /**
   * The logs in which such a holder, or one before it, may still find its next place free: nothing was put there since that
   * stays for ever.
   */
  readonly unfenced: ReadonlySet<LogName>;
  /** Resolves if this process has the session now, else rejects with `log-not-owned`. */
  hold(): Promise<void>;
  /**
   * As `hold`, but asks the bucket in any case: whatever this process put before, every later holder finds. For what no
   * conditional put decides: a clock that is ahead may have taken the session from a process that only paused.
   */
  confirm(): Promise<void>;
  /** Whether this process has had it ever since `hold` last succeeded. Makes no request. */
  readonly isHeld: boolean;
  /** Gives it up. `unfenced` are the logs that still are, by default all of the lease's. */
  release(unfenced?: ReadonlySet<LogName>): Promise<void>;
}

export interface Leases {
  /**
   * Takes the session, or rejects with `log-not-owned` because a living process has it. `newest` is the latest
   * epoch as far as the caller knows, 0 for none; by default the bucket is asked.
   */
  take(key: SessionKey, options?: { readonly newest?: number }): Promise<Lease>;
  /** The latest epoch, 0 for none, and the id of the other living process that has the session, or null. */
  holderOf(key: SessionKey): Promise<{ readonly epoch: number; readonly holder: string | null }>;
}

const NOTHING = new Uint8Array(0);
/** The tag of a lease that was given up, and after it the logs that are not fenced. */
const FREE = "free";
const ALL_LOGS: ReadonlySet<LogName> = new Set(LOG_NAMES);
const NO_LOGS: ReadonlySet<LogName> = new Set();
/** Old epochs are kept, so that a process that looked long ago takes none again. */
const KEPT_EPOCHS = 4;

/** What is known of the newest lease of a session. */
interface LeaseState extends Pick<Lease, "fromDead" | "unfenced"> {
  readonly holder: string | null;
}

/**
 * A lease is a number that only grows: the object of the next epoch can be put once, and the process
 * that put it has the session until a higher one exists. Clocks decide when it may be taken; the
 * conditional puts of its writes keep a former holder from doing harm.
 */
export function createLeases(options: LeasesOptions): Leases {
  const { bucket, keys, retry, owner, exclusive } = options;

  async function newestEpoch(key: SessionKey): Promise<number> {
    const prefix = keys.leasesOf(key);
    const page = await retry.until((signal) => bucket.list({ prefix, limit: 1, signal }));
    const [newest] = page.objects;
    return newest === undefined ? 0 : keys.parseEpoch(newest.key);
  }

  /** Who else has the session with this lease and lives, or what its last holder has left. */
  async function stateOf(key: SessionKey, epoch: number): Promise<LeaseState> {
    if (epoch === 0) return { holder: null, fromDead: false, unfenced: NO_LOGS };
    const name = keys.lease(key, epoch);
    const found = await retry.until((signal) => bucket.head(name, { signal }));
    if (found === null || isFree(found.tag))
      return { holder: null, fromDead: false, unfenced: unfencedIn(found?.tag ?? FREE) };
    const fate = await owner.fateOf(found.tag);
    const lives = fate === "alive" || fate === "leaving";
    const isHeld = lives && !exclusive && found.tag !== owner.id;
    const fromDead = fate !== "closed";
    return {
      holder: isHeld ? found.tag : null,
      fromDead,
      unfenced: fromDead ? ALL_LOGS : NO_LOGS,
    };
  }

  function leaseOf(
    key: SessionKey,
    epoch: number,
    { fromDead, unfenced }: Omit<LeaseState, "holder">,
  ): Lease {
    let heldInIncarnation = owner.incarnation;
    const isHeld = (): boolean => owner.isAlive && owner.incarnation === heldInIncarnation;
    const confirm = async (): Promise<void> => {
      await owner.live();
      const { incarnation } = owner;
      if ((await newestEpoch(key)) !== epoch) throw notOwned();
      heldInIncarnation = incarnation;
    };
    return {
      epoch,
      fromDead,
      unfenced,
      get isHeld() {
        return isHeld();
      },
      async hold() {
        if (!isHeld()) await confirm();
      },
      confirm,
      async release(still = unfenced) {
        const name = keys.lease(key, epoch);
        const tag = [FREE, ...still].join("-");
        await retry.until((signal) => bucket.put(name, NOTHING, { tag, signal }));
      },
    };
  }

  function forgetOld(key: SessionKey, epoch: number): void {
    if (epoch <= KEPT_EPOCHS) return;
    // whether it was there makes no difference
    bucket.delete([keys.lease(key, epoch - KEPT_EPOCHS)]).catch(() => {});
  }

  return {
    async holderOf(key) {
      const epoch = await newestEpoch(key);
      const { holder } = await stateOf(key, epoch);
      return { epoch, holder };
    },

    async take(key, { newest: known } = {}) {
      let newest = known ?? (await newestEpoch(key));
      for (;;) {
        const { holder, ...left } = await stateOf(key, newest);
        if (holder !== null) throw notOwned();
        await owner.live();
        const epoch = newest + 1;
        const put = { key: keys.lease(key, epoch), bytes: NOTHING, tag: owner.id };
        const outcome = await putOnce({ bucket, retry }, put);
        newest = await newestEpoch(key);
        // an epoch that is not the latest can be put again once it was forgotten, and may be this process's own of before
        if (outcome === "landed" && newest === epoch) {
          forgetOld(key, epoch);
          return leaseOf(key, epoch, left);
        }
      }
    },
  };
}

function isFree(tag: string): boolean {
  return tag.split("-")[0] === FREE;
}

function unfencedIn(freeTag: string): ReadonlySet<LogName> {
  const logs = freeTag.split("-");
  return new Set(LOG_NAMES.filter((log) => logs.includes(log)));
}

/** The refusal of a write to a session that another process has. */
export function notOwned(): RunlogError {
  return new RunlogError("log-not-owned", "Another server has the session; try again");
}
