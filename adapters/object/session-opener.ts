import { createLogId } from "../../src/ports/log-id.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { removeIncarnation } from "./delete-incarnation.ts";
import type { Lease } from "./lease.ts";
import type { BucketAccess } from "./log-end.ts";
import { OwnedSession, type WritingOptions } from "./owned-session.ts";
import type { SessionLeases } from "./session-leases.ts";
import {
  emptyIncarnation,
  findIncarnation,
  isOver,
  loadIncarnation,
  type StoredIncarnation,
} from "./stored-incarnation.ts";
import { type FirstValues, putFirstValues } from "./values.ts";

export interface SessionOpenerOptions extends WritingOptions {
  readonly access: BucketAccess;
  readonly leases: SessionLeases;
  readonly ownerId: string;
}

/** What a session is made with; without an id it gets a new one. */
export interface FirstIncarnation extends FirstValues {
  readonly logId?: string;
}

/** Opens sessions for writing, each with its lease. All reject with `log-not-owned` if another process has it. */
export interface SessionOpener {
  /** Takes the session if it is there; else resolves with null. */
  load(key: SessionKey): Promise<OwnedSession | null>;
  /** Takes the session, whether it is there or not, and keeps its lease if it is not. */
  loadOrKeep(key: SessionKey, newest: number): Promise<OwnedSession | null>;
  /** Takes the session, made with `first` if there is none. */
  loadOrMake(key: SessionKey, first: FirstIncarnation): Promise<OwnedSession>;
}

const NOTHING = new Uint8Array(0);

export function createSessionOpener(options: SessionOpenerOptions): SessionOpener {
  const { access, clock, leases, ownerId } = options;

  /** What is there of the session that was taken, or null. */
  async function loadLeased(key: SessionKey, lease: Lease): Promise<OwnedSession | null> {
    // also for the first epoch: this process may have had it before
    const name = await findIncarnation(access, key);
    const incarnation = name && (await loadIncarnation(access, name));
    if (incarnation !== null && !isOver(incarnation)) return open(incarnation, lease);
    // the process that was deleting it came no further
    if (incarnation !== null) await removeIncarnation(access, incarnation.name);
    return null;
  }

  async function open(incarnation: StoredIncarnation, lease: Lease): Promise<OwnedSession> {
    const key = keyOf(incarnation.name);
    const session = new OwnedSession({ ...options, key, incarnation, lease, ownerId });
    if (lease.fromDead) await session.renewValues();
    return session;
  }

  return {
    async load(key) {
      // anybody may ask for any name: what is not there is not taken
      if ((await findIncarnation(access, key)) === null) return null;
      const lease = await leases.take(key);
      const session = await loadLeased(key, lease);
      if (session === null) await lease.release();
      return session;
    },

    async loadOrKeep(key, newest) {
      const lease = await leases.take(key, newest);
      const session = await loadLeased(key, lease);
      if (session === null) leases.keep(key, lease);
      return session;
    },

    async loadOrMake(key, first) {
      const lease = await leases.take(key, 0);
      const there = await loadLeased(key, lease);
      if (there !== null) return there;
      const { epoch } = lease;
      const nowMs = clock.now();
      const name = { ...keyOf(key), epoch, logId: first.logId ?? createLogId(nowMs) };
      const { bucket, keys, retry } = access;
      // before its name, so that it is never found without them
      const version = { epoch, number: nowMs };
      const values = await putFirstValues(access, key, name.logId, version, first);
      await retry.until((signal) => bucket.put(keys.incarnation(name), NOTHING, { signal }));
      // another process that has taken the session since then may have made one as well
      await lease.confirm();
      return open({ ...emptyIncarnation(name), values }, lease);
    },
  };
}

function keyOf({ project, session }: SessionKey): SessionKey {
  return { project, session };
}
