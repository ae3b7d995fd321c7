import { RunlogError } from "../../src/ports/errors.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { createKeyedMutex } from "../../src/stream/sync/keyed-mutex.ts";
import { removeIncarnation } from "./delete-incarnation.ts";
import type { Leases } from "./lease.ts";
import type { BucketAccess } from "./log-end.ts";
import type { OwnedSession, WritingOptions } from "./owned-session.ts";
import { isBusy, OwnedEntries, type OwnedEntry } from "./owned-entries.ts";
import { createSessionLeases, isNotOwned, isStillHeld } from "./session-leases.ts";
import { createSessionOpener, type FirstIncarnation } from "./session-opener.ts";

export interface OwnedSessionsOptions extends WritingOptions {
  readonly access: BucketAccess;
  readonly leases: Leases;
  readonly ownerId: string;
  /** Whether sessions that were acquired are kept: others reach this process for them. */
  readonly keepsAcquired: boolean;
  /** How long in ms a session is kept that this process does not write. */
  readonly idleMs: number;
}

/** What came of taking a session. */
interface Acquired {
  readonly isOurs: boolean;
  readonly holder: string | null;
}

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
  /** Whether this process has the session for sure now, whether it is there or not. */
  owns(key: SessionKey): boolean;
  /**
   * Takes the session if nobody has it, also one that is not there, and keeps it until `release`. Resolves with
   * whether this process has it then, else with the id of the process that has it, null if that was not asked for.
   */
  acquire(key: SessionKey): Promise<Acquired>;
  /** Gives the session up, unless it is busy: then the next sweep does. Never rejects. */
  release(key: SessionKey): Promise<void>;
  /**
   * Takes nothing from now on, and gives up what is not busy. From then on `release` gives up what is busy as
   * well. Never rejects.
   */
  leave(): Promise<void>;
  /** Ends the session's incarnation and removes what is stored of it; false if there was none. */
  remove(key: SessionKey): Promise<boolean>;
  /**
   * Puts what waits, everywhere, and comes to rest. Rejects where it could not be passed on that a process of before may be
   * late: then this one must not end as if nothing could be.
   */
  close(reason: RunlogError): Promise<void>;
}

const OURS: Acquired = { isOurs: true, holder: null };
const LOST: Acquired = { isOurs: false, holder: null };

export function createOwnedSessions(options: OwnedSessionsOptions): OwnedSessions {
  const { access, clock, idleMs } = options;
  const entries = new OwnedEntries(clock);
  /** The sessions that were acquired: they are kept although nobody uses them. */
  const acquired = new Set<string>();
  const leases = createSessionLeases(options);
  const opener = createSessionOpener({ ...options, leases });
  const turns = createKeyedMutex();
  const stopSweeping = clock.every(Math.max(idleMs / 2, 1), () => {
    for (const entry of entries.all())
      if (isIdle(entry))
        void turns.run(idOf(entry.session.key), async () => {
          if (isIdle(entry)) await letGo(entry);
        });
  });

  function isIdle(entry: OwnedEntry): boolean {
    return entries.idleMs(entry) >= idleMs && !acquired.has(idOf(entry.session.key));
  }

  async function letGo({ session }: OwnedEntry): Promise<void> {
    if (entries.known(session.key)?.session !== session) return;
    entries.remove(session.key);
    await leases.release(session.key, () => session.release());
  }

  /** Takes the session, if nobody has it. Rejects with `log-not-owned` where another process was faster. */
  async function take(key: SessionKey): Promise<Acquired> {
    const own = entries.known(key)?.session ?? leases.kept(key);
    if (own && (await isStillHeld(own))) return OURS;
    entries.remove(key);
    leases.forget(key);
    const { epoch, holder } = await leases.find(key);
    if (holder !== null || leases.isStopped) return { isOurs: false, holder };
    const session = await opener.loadOrKeep(key, epoch);
    if (session) entries.enter(session);
    return OURS;
  }

  /** Counts the use before anybody else has a turn. */
  async function useEntry<T>(
    key: SessionKey,
    find: () => Promise<OwnedSession | null>,
    operation: (session: OwnedSession | null) => Promise<T>,
  ): Promise<T> {
    let entry = turns.isBusy(idOf(key)) ? undefined : entries.known(key);
    if (entry) entry.uses++;
    else
      entry = await turns.run(idOf(key), async () => {
        const found = entries.known(key)?.session ?? (await find());
        const there = found ? (entries.known(key) ?? entries.enter(found)) : undefined;
        if (there) there.uses++;
        return there;
      });
    return entry === undefined ? operation(null) : entries.use(entry, operation);
  }

  async function release(key: SessionKey): Promise<void> {
    acquired.delete(idOf(key));
    const lease = leases.kept(key);
    leases.forget(key);
    if (lease) await leases.release(key, () => lease.release());
    const entry = entries.known(key);
    if (entry && (leases.isStopped || !isBusy(entry))) await letGo(entry);
  }

  async function remove(key: SessionKey): Promise<boolean> {
    const session = entries.known(key)?.session ?? (await opener.load(key));
    if (session === null) return false;
    entries.remove(key);
    await session.end();
    await removeIncarnation(access, session.name);
    await leases.release(key, () => session.release());
    return true;
  }

  return {
    current(key) {
      const session = entries.known(key)?.session;
      return session?.isCurrent ? session : null;
    },

    use: (key, operation) => useEntry(key, () => opener.load(key), operation),

    make: (key, first, operation) =>
      useEntry(
        key,
        () => opener.loadOrMake(key, first),
        (session) => {
          if (session === null) throw new RunlogError("internal", "A session was not made");
          return operation(session);
        },
      ),

    owns: (key) => (entries.known(key)?.session.isCurrent || leases.kept(key)?.isHeld) ?? false,

    acquire: (key) =>
      turns.run(idOf(key), async () => {
        const taken = (await take(key).catch(isNotOwned)) || LOST;
        if (taken.isOurs && options.keepsAcquired) acquired.add(idOf(key));
        return taken;
      }),

    release: (key) => turns.run(idOf(key), () => release(key)),

    async leave() {
      leases.stop();
      const free = entries.all().flatMap((entry) => (isBusy(entry) ? [] : entry.session.key));
      const keys = [...free, ...leases.keys()];
      await Promise.all(keys.map((key) => turns.run(idOf(key), () => release(key))));
    },

    remove: (key) => turns.run(idOf(key), () => remove(key)),

    async close(reason) {
      stopSweeping();
      await turns.idle();
      await Promise.all(
        entries.all().map(async ({ session }) => {
          await session.finish(reason);
          if (session.hasUnfenced) await session.release();
        }),
      );
      const kept = leases.keys().flatMap((key) => leases.kept(key) ?? []);
      await Promise.all(
        kept.filter(({ unfenced }) => unfenced.size > 0).map((lease) => lease.release()),
      );
    },
  };
}
