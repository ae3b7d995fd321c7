import { RunlogError } from "../../src/ports/errors.ts";
import { createLogId } from "../../src/ports/log-id.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { createKeyedMutex } from "../../src/stream/sync/keyed-mutex.ts";
import { removeIncarnation } from "./delete-incarnation.ts";
import type { Lease, Leases } from "./lease.ts";
import type { BucketAccess } from "./log-end.ts";
import { OwnedSession, type WritingOptions } from "./owned-session.ts";
import {
  emptyIncarnation,
  findIncarnation,
  isOver,
  loadIncarnation,
  type StoredIncarnation,
} from "./stored-incarnation.ts";
import { type FirstValues, putFirstValues } from "./values.ts";

export interface OwnedSessionsOptions extends WritingOptions {
  readonly access: BucketAccess;
  readonly leases: Leases;
  readonly ownerId: string;
  /** How long in ms a session is kept that this process does not write. */
  readonly idleMs: number;
}

/** What a session is made with; without an id it gets a new one. */
interface FirstIncarnation extends FirstValues {
  readonly logId?: string;
}

interface Entry {
  readonly session: OwnedSession;
  uses: number;
  unusedSinceMs: number;
}

const NOTHING = new Uint8Array(0);

/** The sessions that this process has. */
export interface OwnedSessions {
  /** The session if this process has it for sure now, or null. */
  current(key: SessionKey): OwnedSession | null;
  /**
   * Uses the session, taken first if it is there and free; null if it is not there. Rejects with
   * `log-not-owned` if another process has it.
   */
  use<T>(key: SessionKey, operation: (session: OwnedSession | null) => Promise<T>): Promise<T>;
  /** Takes the session, made with `first` if there is none. */
  make<T>(
    key: SessionKey,
    first: FirstIncarnation,
    operation: (session: OwnedSession) => Promise<T>,
  ): Promise<T>;
  /** Ends the session's incarnation and removes what is stored of it; false if there was none. */
  remove(key: SessionKey): Promise<boolean>;
  /** Puts what waits, everywhere, and comes to rest. */
  close(reason: RunlogError): Promise<void>;
}

export function createOwnedSessions(options: OwnedSessionsOptions): OwnedSessions {
  const { access, clock, idleMs, leases, logger, ownerId } = options;
  const entries = new Map<string, Entry>();
  const turns = createKeyedMutex();
  const stopSweeping = clock.every(Math.max(idleMs / 2, 1), () => {
    for (const entry of entries.values())
      if (isIdle(entry)) void turns.run(idOf(entry.session.key), () => release(entry));
  });

  function isIdle({ session, uses, unusedSinceMs }: Entry): boolean {
    return uses === 0 && !session.isBusy && clock.now() - unusedSinceMs >= idleMs;
  }

  async function release(entry: Entry): Promise<void> {
    const id = idOf(entry.session.key);
    if (entries.get(id) !== entry || !isIdle(entry)) return;
    entries.delete(id);
    await entry.session.release().catch((error: unknown) => {
      // it lapses with this process at the latest
      logger.warn("lease-not-released", { ...entry.session.key, error });
    });
  }

  function enter(session: OwnedSession): Entry {
    const entry: Entry = { session, uses: 0, unusedSinceMs: clock.now() };
    entries.set(idOf(session.key), entry);
    return entry;
  }

  function known(key: SessionKey): Entry | undefined {
    const entry = entries.get(idOf(key));
    if (entry?.session.isLost) entries.delete(idOf(key));
    else return entry;
    return undefined;
  }

  /** Takes the session if it is there. */
  async function load(key: SessionKey): Promise<Entry | null> {
    // anybody may ask for any name: what is not there is not taken
    if ((await findIncarnation(access, key)) === null) return null;
    const lease = await leases.take(key, { guessFirst: false });
    const entry = await loadLeased(key, lease);
    if (entry === null) await lease.release();
    return entry;
  }

  /** What is there of the session that was taken, or null. */
  async function loadLeased(key: SessionKey, lease: Lease): Promise<Entry | null> {
    const name = await findIncarnation(access, key);
    const incarnation = name && (await loadIncarnation(access, name));
    if (incarnation !== null && !isOver(incarnation)) return open(incarnation, lease);
    // the process that was deleting it came no further
    if (incarnation !== null) await removeIncarnation(access, incarnation.name);
    return null;
  }

  async function open(incarnation: StoredIncarnation, lease: Lease): Promise<Entry> {
    const key = keyOf(incarnation.name);
    const session = new OwnedSession({ ...options, key, incarnation, lease, ownerId });
    if (lease.fromDead) await session.renewValues();
    return enter(session);
  }

  async function loadOrMake(key: SessionKey, first: FirstIncarnation): Promise<Entry> {
    const lease = await leases.take(key, { guessFirst: true });
    // the first holder of a session knows that there is nothing to load
    const there = lease.isFirst ? null : await loadLeased(key, lease);
    if (there !== null) return there;
    const { epoch } = lease;
    const nowMs = clock.now();
    const name = { ...keyOf(key), epoch, logId: first.logId ?? createLogId(nowMs) };
    const { bucket, keys, retry } = access;
    // before its name, so that it is never found without them
    const version = { epoch, number: nowMs };
    const values = await putFirstValues(access, key, name.logId, version, first);
    await retry.until((signal) => bucket.put(keys.incarnation(name), NOTHING, { signal }));
    return open({ ...emptyIncarnation(name), values }, lease);
  }

  /** Counts the use before anybody else has a turn. */
  async function useEntry<T>(
    key: SessionKey,
    find: () => Promise<Entry | null>,
    operation: (session: OwnedSession | null) => Promise<T>,
  ): Promise<T> {
    let entry = turns.isBusy(idOf(key)) ? undefined : known(key);
    if (entry) entry.uses++;
    else
      entry =
        (await turns.run(idOf(key), async () => {
          const found = known(key) ?? (await find());
          if (found) found.uses++;
          return found;
        })) ?? undefined;
    if (entry === undefined) return operation(null);
    try {
      return await operation(entry.session);
    } finally {
      entry.uses--;
      entry.unusedSinceMs = clock.now();
    }
  }

  return {
    current(key) {
      const entry = known(key);
      return entry?.session.isCurrent ? entry.session : null;
    },

    use: (key, operation) => useEntry(key, () => load(key), operation),

    make: (key, first, operation) =>
      useEntry(
        key,
        () => loadOrMake(key, first),
        (session) => {
          if (session === null) throw new RunlogError("internal", "A session was not made");
          return operation(session);
        },
      ),

    remove: (key) =>
      turns.run(idOf(key), async () => {
        const entry = known(key) ?? (await load(key));
        if (entry === null) return false;
        const { session } = entry;
        entries.delete(idOf(key));
        await session.end();
        await removeIncarnation(access, session.name);
        await session.release();
        return true;
      }),

    async close(reason) {
      stopSweeping();
      await turns.idle();
      const sessions = [...entries.values()].map((entry) => entry.session);
      await Promise.all(sessions.map((session) => session.finish(reason)));
      entries.clear();
    },
  };
}

function keyOf({ project, session }: SessionKey): SessionKey {
  return { project, session };
}
