/**
 * Archived sessions: their bytes lie in an object bucket, and they look as before (decision 011).
 *
 * In: a `LogStore` in which sessions live, and `Archives` over an `ObjectBucket`. Out: a `LogStore`
 * whose sessions can be archived, restored, and given back their bytes by the first write.
 *
 * A session is in one of three states:
 *
 * - here: its bytes are in the store; it may have an archive beside that.
 * - archived: its bytes are in the archive alone. The store has a stub, a log without bytes whose
 *   head contains the ends of the logs and the real head (`stub.ts`). Lists and the document
 *   ask the store alone, `stat` does unless the head had no room in the stub; reads of bytes come
 *   from the archive.
 * - being restored: the stub still stands while bytes are appended below it. The real head takes
 *   the stub's place last, in one step.
 *
 * What holds:
 *
 * - An archive exists once its manifest does, and the manifest is put last: after every packed byte
 *   was read back and its digest compared. A session has one archive.
 * - The store's bytes are released only if the archive holds all of them, which is checked while
 *   nobody writes.
 * - A process that stops at any point leaves a session that is here or archived, never half of one.
 *   `makeMissingStubs` makes stubs for archives without one in the store.
 * - `logId`, ends, bytes, head and document are the same before and after: cursors stay valid.
 * - Writes of a log wait until it is restored. The document of an archived session is changed in
 *   its stub. A delete removes the archive first.
 * - An append looks for a stub once a log, then trusts `known-here.ts`; what would overwrite a
 *   stub's head looks each time.
 *
 * Files, in reading order:
 *
 * 1. this file: which call meets which state
 * 2. `stub.ts`, `leave-stubs.ts`, `known-here.ts`: what the store has of an archived session
 * 3. `archived-reader.ts`: reads, from the store or the archive
 * 4. `archivings.ts`: archiving, again while the session changes; one at a time for a session
 * 5. `archives.ts`: the bucket's side: find, write, verify, read, remove
 * 6. `keys.ts`, `manifest.ts`, `manifest-cache.ts`: the objects, and their list in the manifest
 * 7. `write-logs.ts`, `pack-log.ts`, `pack-source.ts`, `part-writer.ts`: packing, in gzip members
 * 8. `unpack-log.ts`, `restore-logs.ts`: the way back; `missing-stubs.ts`: stubs for archives without one
 * 9. `retrying-bucket.ts`, `progress.ts`: calls that are tried again, and how far they are
 */

import { RunlogError } from "../../ports/errors.ts";
import type { LegacyLogs } from "../../ports/legacy-logs.ts";
import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { ownershipOf } from "../../ports/session-owner.ts";
import { createKeyedRwLock, type KeyedRwLock } from "../../stream/sync/keyed-rw-lock.ts";
import { makeMissingStubs } from "./missing-stubs.ts";
import { createArchivedReader, manifestOf, needArchives } from "./archived-reader.ts";
import { type ArchiveOptions, createArchivings } from "./archivings.ts";
import type { Archives } from "./archives.ts";
import { createStubs } from "./leave-stubs.ts";
import { createKnownHere } from "./known-here.ts";
import { holdsLogs, type Manifest } from "./manifest.ts";
import type { WatchOptions } from "./progress.ts";
import { restoreLogs } from "./restore-logs.ts";
import { asIfNew, decodeStub, encodeStub } from "./stub.ts";

export interface ArchivingStoreOptions {
  /** The store in which sessions live. */
  readonly store: LogStore;
  /** Where they are archived; null if no archive is configured. */
  readonly archives: Archives | null;
  /** The messages in an older format that came with logs; null if there can be none. */
  readonly legacy: Pick<LegacyLogs, "messages" | "putMessages"> | null;
}

/** Archives and restores sessions. Reads their messages wherever they are. */
export interface Archiver extends Pick<LegacyLogs, "messages"> {
  /**
   * Archives the session; when it is repeated it writes only what is new. The caller makes sure
   * that nobody writes: a session that keeps changing is `session-conflict`. Throws
   * `log-not-found`, `run-active` while a run of it is marked open, `archive-not-configured`, and
   * as `Archives`.
   */
  archive(key: SessionKey, options?: ArchiveOptions): Promise<Manifest>;
  /** Restores an archived session's bytes to the store; does nothing if they are there. */
  restore(key: SessionKey, options?: WatchOptions): Promise<LogStat>;
  /**
   * Whether the session's bytes are in the archive alone, so that writing its log would restore it.
   */
  isEvicted(key: SessionKey): Promise<boolean>;
}

/** A LogStore whose sessions can be archived and look the same afterwards. */
export interface ArchivingStore extends LogStore, Archiver {
  /**
   * Makes stubs for archives without one in the store: of a process that died while it released a
   * session's bytes, or of a store that was lost. Resolves with their number.
   */
  makeMissingStubs(): Promise<number>;
}

/**
 * Makes a store whose sessions can be archived, over `store`. An archived session whose bytes were
 * released stays in the store as a stub (`stub.ts`): it is listed and found as before, and reads of
 * it come from the archive. Writes of its log wait until it is restored; its document is that of
 * the stub. Deleting a session deletes its archive first.
 *
 * @example
 * ```ts
 * import { type Archives, createArchivingStore, type LogStore } from "runlog";
 *
 * export async function archive(inner: LogStore, archives: Archives): Promise<void> {
 *   const store = createArchivingStore({ store: inner, archives, legacy: null });
 *   await store.archive({ project: "p", session: "s" }, { deleteLocal: true });
 * }
 * ```
 */
export function createArchivingStore({
  store,
  archives,
  legacy,
}: ArchivingStoreOptions): ArchivingStore {
  const locks = createKeyedRwLock();
  const here = createKnownHere();
  const stubs = createStubs(store);
  const reader = createArchivedReader(
    { ...store, stat: (key) => stubs.stat(key) },
    archives,
    legacy,
  );

  /** Replaces the session by a stub; its lock is held exclusively. */
  function leaveStub(key: SessionKey, stub: LogStat): Promise<void> {
    here.forget(idOf(key));
    return stubs.leave(key, stub);
  }

  /** Restores the session unless its bytes are there; its lock is held exclusively. */
  async function bringBack(key: SessionKey, watch: WatchOptions = {}): Promise<LogStat | null> {
    const found = await store.stat(key);
    const stub = decodeStub(found?.head ?? null);
    if (found && stub) {
      const { logId } = stub;
      const manifest = await manifestOf(archives, key, logId);
      const isBegun = Object.values(found.end).some((bytes) => bytes > 0);
      // remains of a restore that was interrupted, with the process or with the machine
      if (isBegun || found.logId !== logId) await leaveStub(key, { ...found, logId });
      await restoreLogs({ store, legacy, archives: needArchives(archives), manifest, ...watch });
    }
    const back = await reader.stat(key);
    if (back) here.add(idOf(key), back.logId);
    return back;
  }

  /** Runs an append once the log's bytes are there, in the order of the calls. */
  function append<T>(key: SessionKey, logId: string, operation: () => Promise<T>): Promise<T> {
    const id = idOf(key);
    const pass = (): Promise<T> => locks.shared(id, operation);
    if (here.has(id, logId)) return pass();
    return here.arrive(
      id,
      locks.exclusive(id, () => bringBack(key)),
      pass,
    );
  }

  /**
   * Runs an operation that would overwrite a stub's head, whatever `here` remembers: a stub is
   * restored first.
   */
  async function write(key: SessionKey, operation: () => Promise<void>): Promise<void> {
    const id = idOf(key);
    for (;;) {
      const isDone = await locks.shared(id, async () => {
        const found = await store.stat(key);
        if (found && decodeStub(found.head)) return false;
        await operation();
        return true;
      });
      if (isDone) return;
      await locks.exclusive(id, () => bringBack(key));
    }
  }

  const archivings = createArchivings({
    store,
    source: { ...store, ...legacy },
    stat: (key) => stubs.stat(key),
    archives,
    isArchived: (key, found, manifest) => isArchived(legacy, key, found, manifest),
    evict: (key, manifest) =>
      locks.exclusive(idOf(key), async () => {
        const stored = await store.stat(key);
        const now = stored && asIfNew(stored);
        if (!now || !(await isArchived(legacy, key, now, manifest))) return false;
        await leaveStub(key, { ...now, head: encodeStub(now) });
        return true;
      }),
  });

  return {
    ...reader,

    changes: store.changes,

    // an archived session has an owner like any other
    ...ownershipOf(store),

    create: (key, options) =>
      locks.shared(idOf(key), async () => {
        const made = await store.create(key, options);
        return (await reader.stat(key)) ?? made;
      }),

    append: (key, bytes, options) =>
      append(key, options.logId, () => store.append(key, bytes, options)),

    dropNote: (key, logId, noteKey) => write(key, () => store.dropNote(key, logId, noteKey)),

    document: (key, logId) => locks.shared(idOf(key), () => store.document(key, logId)),

    setHead: (key, logId, head) => write(key, () => store.setHead(key, logId, head)),

    setDocument: (key, logId, document) =>
      locks.shared(idOf(key), () => store.setDocument(key, logId, document)),

    ...runOperations(store, locks, write),

    async delete(key) {
      await archivings.stop(key);
      return locks.exclusive(idOf(key), async () => {
        const found = await store.stat(key);
        if (found && decodeStub(found.head)) needArchives(archives);
        const hadArchive = (await archives?.remove(key)) ?? false;
        here.forget(idOf(key));
        return (await store.delete(key)) || hadArchive;
      });
    },

    check: () => store.check(),

    async close() {
      await archivings.stop();
      await store.close();
    },

    archive: (key, options) => archivings.archive(key, options),

    async restore(key, watch) {
      const found = await locks.exclusive(idOf(key), () => bringBack(key, watch));
      if (!found) throw new RunlogError("log-not-found", "There is no such log");
      return found;
    },

    async isEvicted(key) {
      const found = await stubs.stat(key);
      return decodeStub(found?.head ?? null) !== null;
    },

    async makeMissingStubs() {
      if (!archives) return 0;
      return makeMissingStubs(store, archives, (key, make) => locks.exclusive(idOf(key), make));
    },
  };
}

type RunOperation =
  | "markOpen"
  | "clearOpen"
  | "openRuns"
  | "putRunBody"
  | "runBody"
  | "removeRunBody";

/** Marks and bodies of runs: an archived session has none, and is restored before it gets one. */
function runOperations(
  store: LogStore,
  locks: KeyedRwLock,
  write: (key: SessionKey, operation: () => Promise<void>) => Promise<void>,
): Pick<LogStore, RunOperation> {
  return {
    markOpen: (key, logId, runId, data) =>
      write(key, () => store.markOpen(key, logId, runId, data)),

    clearOpen: (key, logId, runId) =>
      locks.shared(idOf(key), () => store.clearOpen(key, logId, runId)),

    openRuns: (key, options) => store.openRuns(key, options),

    putRunBody: (key, logId, runId, body) =>
      write(key, () => store.putRunBody(key, logId, runId, body)),

    runBody: (key, logId, runId) => store.runBody(key, logId, runId),

    removeRunBody: (key, logId, runId) =>
      locks.shared(idOf(key), () => store.removeRunBody(key, logId, runId)),
  };
}

/**
 * Whether the archive holds all of the session. Messages never change, so it has all of them or
 * none.
 */
async function isArchived(
  legacy: ArchivingStoreOptions["legacy"],
  key: SessionKey,
  stat: LogStat,
  manifest: Manifest,
): Promise<boolean> {
  if (!holdsLogs(stat, manifest)) return false;
  if (!legacy || manifest.messages) return true;
  const messages = await legacy.messages(key, stat.logId);
  await messages?.cancel();
  return messages === null;
}
