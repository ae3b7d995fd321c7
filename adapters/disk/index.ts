import { RunlogError } from "../../src/ports/errors.ts";
import { createLogId } from "../../src/ports/log-id.ts";
import type { LegacyLogs } from "../../src/ports/legacy-logs.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import { createSessionChanges, type SessionListener } from "../../src/ports/session-changes.ts";
import { createSoleOwnership } from "../../src/ports/session-owner.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { createKeyedMutex } from "../../src/stream/sync/keyed-mutex.ts";
import { readBootId } from "./boot-id.ts";
import { takeDirectory } from "./directory.ts";
import { throwDiskError } from "./errors.ts";
import { type DiskIo, nodeIo } from "./io.ts";
import { keepSynced } from "./keep-synced.ts";
import { createDiskLegacy } from "./legacy.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { createLister } from "./list.ts";
import type { FsyncPolicy } from "./log-file.ts";
import { createMarks, type Marks } from "./marks.ts";
import { OpenSession } from "./open-session.ts";
import { readLog } from "./read-log.ts";
import { findLog, type FoundLog, makeLog, newestLogId } from "./recovery.ts";
import { createRunBodies, type WithLog } from "./run-bodies.ts";
import { createSessionCache, type SessionCache } from "./session-cache.ts";
import { syncDirectory } from "./sync-directory.ts";
import { createTrash, type Trash } from "./trash.ts";
import { checkDocument, firstValues } from "../../src/ports/log-values.ts";
import { labelled } from "../../src/stream/text/dns-label.ts";
import { readDocument } from "./values.ts";
import { createWriteProbe } from "./write-probe.ts";

export type { DiskIo } from "./io.ts";
export { nodeIo } from "./io.ts";
export type { FsyncPolicy } from "./log-file.ts";
export { createDiskQuota, type DiskQuota, type DiskQuotaOptions } from "./quota.ts";
export { createDiskLogReader } from "./reader.ts";
export { createDiskSpool } from "./spool.ts";
export type { DiskSpoolOptions } from "./spool.ts";

export interface DiskLogStoreOptions {
  /** The directory; made if it is not there. One process owns it at a time. */
  readonly dir: string;
  /** Default `interval`: every second, and when an append asks for it. */
  readonly fsync?: FsyncPolicy;
  /** Unused sessions whose files stay open. Default 256. */
  readonly maxOpenSessions?: number;
  /**
   * Logs failures in the background, and files that cannot be read. Default: they are not logged.
   */
  readonly logger?: Pick<Logger, "warn" | "error">;
  /** The id of the machine's current run. Default: the kernel's boot id. */
  readonly bootId?: string;
  /** Default: the real system calls. */
  readonly io?: DiskIo;
}

/** A LogStore that also finds what an older system left in its directory. */
export interface DiskLogStore extends LogStore {
  readonly legacy: LegacyLogs;
}

/**
 * A LogStore in a directory of the local file system. It makes:
 *
 * - `runlog.json` the format version, checked at start;
 * - `lock.db` the exclusive lock of the process that owns the directory; put back if it is removed;
 * - `projects/<project>/<session>/<logId>/` one log, `<session>` being the label of the session's name:
 *   `raw.jsonl`, `compact.jsonl`, `runs.txt`, `keyframes.txt`, `times.txt`, `edits.txt`, `head.json` and `document.json` (each replaced whole by
 *   way of a `.tmp` file beside it), `notes.txt` the notes of appends once there was one
 *   (`note-file.ts`), `run-*.body` for each run that waits, and `unclean` while bytes may not have
 *   reached the device;
 * - `open-runs/` one small file for each run that is open;
 * - `trash/` what is being deleted; emptied at start;
 * - not of this store: `outbox/`, the notices of webhooks, and `tokens`, the list of tokens, which the server's
 *   entry keeps beside it;
 * - `write-test.tmp` for a moment, to see whether anything can be written.
 *
 * A name that a start depends on is on the device, with what is in it, before any write
 * resolves; what a loss of power or a full disk has left of a first start is completed by the next.
 *
 * In `sessions/` an older system may have left logs (`legacy`). What it left of a session moves to the
 * log's directory as a whole when it is imported.
 *
 * Throws `store-locked` when another process owns the directory, `store-format` when it was written
 * by another version, `store-failed` and its kin when the file system fails.
 *
 * @example
 * ```ts
 * import { createDiskLogStore } from "runlog/disk";
 *
 * const store = createDiskLogStore({ dir: "/data", fsync: "always" });
 * await store.check();
 * ```
 */
export function createDiskLogStore(options: DiskLogStoreOptions): DiskLogStore {
  const { dir, fsync = "interval", maxOpenSessions = 256, logger = SILENT, io = nodeIo } = options;
  const layout = layoutOf(dir);
  const lock = takeDirectory(layout, logger);
  const bootId = options.bootId ?? readBootId();
  const durable = fsync !== "never";
  const marks = createMarks(layout, { durable, logger });
  const opened = (found: FoundLog): OpenSession => new OpenSession({ found, fsync, bootId, io });
  const cache = createSessionCache({
    maxIdle: maxOpenSessions,
    load: async (key) => {
      const found = await findLog(layout, key, bootId).catch(throwDiskError);
      return found && opened(found);
    },
    onError: (key, error) => logger.error("log-not-closed", { ...key, error }),
  });
  const stopSyncing = keepSynced({ cache, lock, logger });
  const trash = createTrash(layout);
  const probe = createWriteProbe(layout);
  const inTurn = createKeyedMutex();
  const list = createLister(layout);
  const changes = createSessionChanges();
  const legacy = createDiskLegacy({ layout, cache, inTurn, idOf, assertOpen, assertWritable });
  const removal = { layout, marks, trash, durable };
  let closed = false;

  function assertOpen(): void {
    if (closed) throw new RunlogError("store-closed", "The store is closed");
  }

  function assertWritable(): void {
    assertOpen();
    lock.assertHeld();
  }

  function withLog<T>(
    key: SessionKey,
    logId: string,
    operation: (session: OpenSession) => Promise<T>,
  ): Promise<T> {
    assertWritable();
    return cache.use(key, (session) => {
      if (!session) throw new RunlogError("log-not-found", "There is no such log");
      session.assertIs(logId);
      return operation(session);
    });
  }

  return {
    changes,

    ...createSoleOwnership(assertOpen),

    legacy: reportingTakeOvers(legacy, cache, changes.announce),

    async create(key, given) {
      assertWritable();
      const first = { durable, ...firstValues(labelled(key.session), given) };
      const { logId = createLogId(Date.now()) } = first;
      return inTurn.run(idOf(key), async () => {
        const stat = await cache.use(key, async (session) => session?.stat ?? null);
        if (stat) return stat;
        const session = opened(await makeLog(layout, key, logId, first).catch(throwDiskError));
        cache.add(key, session);
        changes.announce(key, logId);
        return session.stat;
      });
    },

    async stat(key) {
      assertOpen();
      return cache.use(key, async (session) => session?.stat ?? null);
    },

    async append(key, bytes, given) {
      assertWritable();
      return cache.use(key, async (session) => {
        if (!session) throw new RunlogError("log-not-found", "There is no such log");
        if (session.logId !== given.logId)
          throw new RunlogError("log-fenced", "The log is another one");
        return session.append(bytes instanceof Uint8Array ? [bytes] : bytes, given);
      });
    },

    read: (key, range) => readLog(cache, key, range, assertOpen),

    dropNote: async (key, logId, note) => withLog(key, logId, (log) => log.dropNote(note)),

    async document(key, logId) {
      assertOpen();
      return documentOf(layout, key, logId).catch(throwDiskError);
    },

    setHead: async (key, logId, head) => withLog(key, logId, (session) => session.setHead(head)),

    setDocument: async (key, logId, document) =>
      withLog(key, logId, async (session) => {
        checkDocument(labelled(key.session), document);
        await session.setDocument(document);
        changes.announce(key, logId);
      }),

    ...markOperations(marks, { withLog, assertOpen, assertWritable }),

    ...createRunBodies(layout, withLog),

    async list(query) {
      assertOpen();
      return list(query).catch(throwDiskError);
    },

    async delete(key) {
      assertWritable();
      return inTurn.run(idOf(key), () =>
        cache.remove(key, async (session) => {
          const isRemoved = await removeSession(removal, key, session).catch(throwDiskError);
          if (isRemoved) changes.announce(key, null);
          return isRemoved;
        }),
      );
    },

    async check() {
      assertWritable();
      await probe();
    },

    async close() {
      if (closed) return;
      closed = true;
      stopSyncing();
      await inTurn.idle();
      // what another process writes by now must not be called clean by this one
      if (lock.isLost) for (const [, session] of cache.open()) await session.abandon();
      await cache.closeAll();
      await trash.emptied;
      lock.release();
    },
  };
}

const SILENT: Pick<Logger, "warn" | "error"> = { warn() {}, error() {} };

interface Removal {
  readonly layout: Layout;
  readonly marks: Marks;
  readonly trash: Trash;
  readonly durable: boolean;
}

/** Removes what there is of a session; false if there is nothing. */
async function removeSession(
  { layout, marks, trash, durable }: Removal,
  key: SessionKey,
  session: OpenSession | null,
): Promise<boolean> {
  if ((await newestLogId(layout, key)) === null) return false;
  await session?.abandon();
  await marks.clearSession(key);
  await trash.throwAway(layout.session(key));
  if (durable) await syncDirectory(layout.project(key.project));
  return true;
}

interface MarkGuards {
  readonly withLog: WithLog;
  readonly assertOpen: () => void;
  readonly assertWritable: () => void;
}

function markOperations(
  marks: Marks,
  { withLog, assertOpen, assertWritable }: MarkGuards,
): Pick<LogStore, "markOpen" | "clearOpen" | "openRuns"> {
  return {
    markOpen: async (key, logId, runId, data) =>
      withLog(key, logId, () => marks.set({ ...key, logId, runId, data })),

    async clearOpen(key, logId, runId) {
      assertWritable();
      await marks.clear(key, logId, runId);
    },

    async *openRuns(key) {
      assertOpen();
      yield* marks.all(key);
    },
  };
}

/** The legacy logs, with the sessions that they become reported as changes. */
function reportingTakeOvers(
  legacy: LegacyLogs,
  cache: SessionCache,
  announce: SessionListener,
): LegacyLogs {
  return {
    ...legacy,
    async takeOver(key, edits) {
      const isTaken = await legacy.takeOver(key, edits);
      if (isTaken) announce(key, await cache.use(key, async (session) => session?.logId ?? null));
      return isTaken;
    },
  };
}

/** The document of a log that may be open or not: what was set is in the file before its promise resolves. */
async function documentOf(
  layout: Layout,
  key: SessionKey,
  logId: string,
): Promise<Uint8Array | null> {
  const document = await readDocument(layout.log(key, logId));
  const isHere = document !== null || (await newestLogId(layout, key)) === logId;
  if (!isHere) throw new RunlogError("log-not-found", "There is no such log");
  return document;
}
