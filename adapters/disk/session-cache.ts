import type { SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import type { OpenSession } from "./open-session.ts";

export interface SessionCacheOptions {
  /** Unused sessions that stay open. */
  readonly maxIdle: number;
  /** Finds the session on disk; null if there is none. */
  readonly load: (key: SessionKey) => Promise<OpenSession | null>;
  /** Called for a session that could not be closed cleanly. */
  readonly onError: (key: SessionKey, error: unknown) => void;
}

/** The sessions whose files are open, least recently used first to go. */
export interface SessionCache {
  /** Runs `operation` with the session, or with null if there is none. */
  use<T>(key: SessionKey, operation: (session: OpenSession | null) => Promise<T>): Promise<T>;
  /** Puts a session there that was just made. */
  add(key: SessionKey, session: OpenSession): void;
  /**
   * Removes a session from the cache without closing it and lets `operation` delete it, also one
   * that cannot be read (`operation` gets null as if there were none). Calls for the session
   * meanwhile wait, so that none of them finds a session that is about to be deleted.
   */
  remove<T>(key: SessionKey, operation: (session: OpenSession | null) => Promise<T>): Promise<T>;
  /** Sessions that are open now. */
  open(): Iterable<[SessionKey, OpenSession]>;
  /** Closes all; waits for what is under way. */
  closeAll(): Promise<void>;
}

interface Entry {
  readonly key: SessionKey;
  readonly session: Promise<OpenSession | null>;
  loaded: OpenSession | null;
  uses: number;
}

export function createSessionCache(options: SessionCacheOptions): SessionCache {
  /** In order of last use. */
  const entries = new Map<string, Entry>();
  const closing = new Map<string, Promise<void>>();

  function enter(key: SessionKey, session: Promise<OpenSession | null>): Entry {
    const entry: Entry = { key, session, loaded: null, uses: 0 };
    entries.set(idOf(key), entry);
    return entry;
  }

  async function acquire(key: SessionKey): Promise<Entry> {
    const id = idOf(key);
    // a session that is being closed is found again only when its files are at rest
    while (closing.has(id)) await closing.get(id);
    const known = entries.get(id);
    const entry = known ?? enter(key, options.load(key));
    entry.uses++;
    if (known) {
      entries.delete(id);
      entries.set(id, entry);
    }
    return entry;
  }

  function release(entry: Entry): void {
    entry.uses--;
    // what does not exist is not remembered: anybody may ask for any name
    if (entry.loaded === null && entry.uses === 0) forget(entry);
    if (entries.size > options.maxIdle) evict();
  }

  function forget(entry: Entry): void {
    if (entries.get(idOf(entry.key)) === entry) entries.delete(idOf(entry.key));
  }

  function evict(): void {
    for (const entry of entries.values()) {
      if (entries.size <= options.maxIdle) return;
      if (entry.uses === 0 && entry.loaded && !entry.loaded.busy) close(entry, entry.loaded);
    }
  }

  function close(entry: Entry, session: OpenSession): void {
    const id = idOf(entry.key);
    forget(entry);
    const closed = session.close();
    block(
      id,
      closed.catch((error: unknown) => options.onError(entry.key, error)),
    );
  }

  /**
   * Makes calls for a session wait until `settled` has resolved. Those that waited then go on before any that comes
   * later: appends that passed each other would be refused.
   */
  function block(id: string, settled: Promise<void>): void {
    closing.set(id, settled);
    // the first to hear of it: right after this come the calls that wait
    void settled.then(() => closing.delete(id));
  }

  async function use<T>(
    key: SessionKey,
    operation: (session: OpenSession | null) => Promise<T>,
  ): Promise<T> {
    const entry = await acquire(key);
    try {
      entry.loaded = await entry.session;
      return await operation(entry.loaded);
    } catch (error) {
      if (entry.loaded === null) forget(entry);
      throw error;
    } finally {
      release(entry);
    }
  }

  return {
    use,

    add(key, session) {
      enter(key, Promise.resolve(session)).loaded = session;
    },

    async remove(key, operation) {
      const entry = await acquire(key);
      try {
        entry.loaded = await entry.session.catch(() => null);
        forget(entry);
        const removed = operation(entry.loaded);
        block(
          idOf(key),
          removed.then(
            () => {},
            () => {},
          ),
        );
        return await removed;
      } finally {
        release(entry);
      }
    },

    *open() {
      for (const { key, loaded } of entries.values()) if (loaded) yield [key, loaded];
    },

    async closeAll() {
      // a map may lose what has been passed while it is walked
      for (const entry of entries.values()) if (entry.loaded) close(entry, entry.loaded);
      await Promise.all(closing.values());
    },
  };
}
