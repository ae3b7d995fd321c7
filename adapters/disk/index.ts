import { access, constants } from "node:fs/promises";
import { RunlogError } from "../../src/ports/errors.ts";
import { createLogId, isLogId } from "../../src/ports/log-id.ts";
import type { LegacyLogs } from "../../src/ports/legacy-logs.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { createTurns } from "../../src/stream/turns.ts";
import { readBootId } from "./boot-id.ts";
import { takeDirectory } from "./directory.ts";
import { diskError, throwDiskError } from "./errors.ts";
import { type DiskIo, nodeIo } from "./io.ts";
import { createDiskLegacy } from "./legacy.ts";
import { layoutOf } from "./layout.ts";
import { listLogs } from "./list.ts";
import type { FsyncPolicy } from "./log-file.ts";
import { createMarks } from "./marks.ts";
import { OpenSession } from "./open-session.ts";
import { readLog } from "./read-log.ts";
import { findLog, type FoundLog, makeLog } from "./recovery.ts";
import { createRunBodies } from "./run-bodies.ts";
import { createSessionCache } from "./session-cache.ts";
import { createTrash } from "./trash.ts";
import { checkDocument, checkHead } from "./values.ts";

export type { DiskIo } from "./io.ts";
export { nodeIo } from "./io.ts";
export type { FsyncPolicy } from "./log-file.ts";
export { createDiskLogReader } from "./reader.ts";

export interface DiskLogStoreOptions {
  /** The directory; made if it is not there. One process owns it at a time. */
  readonly dir: string;
  /** Default `interval`: every second, and when an append asks for it. */
  readonly fsync?: FsyncPolicy;
  /** Sessions whose files stay open although nobody uses them. Default 256. */
  readonly maxOpenSessions?: number;
  /** Told of what fails in the background. Default: nobody. */
  readonly logger?: Pick<Logger, "error">;
  /** What tells this run of the machine from the last one. Default: the kernel's boot id. */
  readonly bootId?: string;
  /** Default: the real system calls. */
  readonly io?: DiskIo;
}

/** A LogStore that also finds what an older system left in its directory. */
export interface DiskLogStore extends LogStore {
  readonly legacy: LegacyLogs;
}

const SYNC_INTERVAL_MS = 1_000;

/**
 * A LogStore in a directory of the local file system. It makes:
 *
 * - `runlog.json` the format version, checked at start;
 * - `lock.db` the exclusive lock of the process that owns the directory;
 * - `projects/<project>/<session>/<logId>/` one log: `raw.jsonl`, `compact.jsonl`, `edits.txt`,
 *   `head.json` and `document.json` (each replaced whole by way of a `.tmp` file beside it), `run-*.body`
 *   for each run that waits, and `unclean` while bytes may not have reached the device;
 * - `open-runs/` one small file for each run that is open;
 * - `trash/` what is being deleted; emptied at start.
 *
 * In `sessions/` an older system may have left logs (`legacy`). What it left of a session moves to the
 * log's directory as a whole when it is taken over.
 *
 * Throws `store-locked` when another process owns the directory, `store-format` when it was written
 * by another version, `store-failed` and its kin when the file system says no.
 */
export function createDiskLogStore(options: DiskLogStoreOptions): DiskLogStore {
  const { dir, fsync = "interval", maxOpenSessions = 256, logger, io = nodeIo } = options;
  const layout = layoutOf(dir);
  const unlock = takeDirectory(layout);
  const bootId = options.bootId ?? readBootId();
  const marks = createMarks(layout, { durable: fsync !== "never" });
  const opened = (found: FoundLog): OpenSession => new OpenSession({ found, fsync, bootId, io });
  const cache = createSessionCache({
    maxIdle: maxOpenSessions,
    load: async (key) => {
      const found = await findLog(layout, key, bootId).catch(throwDiskError);
      return found && opened(found);
    },
    onError: (key, error) => logger?.error("log-not-closed", { ...key, error }),
  });
  const syncTimer = setInterval(() => void syncAll(), SYNC_INTERVAL_MS).unref();
  const trash = createTrash(layout);
  const inTurn = createTurns();
  let closed = false;

  async function syncAll(): Promise<void> {
    for (const [key, session] of cache.open())
      await session.sync().catch((error: unknown) => {
        logger?.error("log-not-synced", { ...key, error });
      });
  }

  function assertOpen(): void {
    if (closed) throw new RunlogError("store-closed", "The store is closed");
  }

  function withLog<T>(
    key: SessionKey,
    logId: string,
    operation: (session: OpenSession) => Promise<T>,
  ): Promise<T> {
    assertOpen();
    return cache.use(key, (session) => {
      if (!session) throw new RunlogError("log-not-found", "There is no such log");
      session.assertIs(logId);
      return operation(session);
    });
  }

  return {
    legacy: createDiskLegacy({ layout, cache, inTurn, idOf, assertOpen }),

    async create(key, { logId = createLogId(Date.now()), head = null, document = null } = {}) {
      assertOpen();
      if (!isLogId(logId)) throw new RunlogError("invalid-input", "This is no id of a log");
      checkHead(head);
      checkDocument(document);
      return inTurn.run(idOf(key), async () => {
        const stat = await cache.use(key, async (session) => session?.stat ?? null);
        if (stat) return stat;
        const values = { head: head && head.slice(), document: document && document.slice() };
        const made = await makeLog(layout, key, logId, values).catch(throwDiskError);
        const session = opened(made);
        cache.add(key, session);
        return session.stat;
      });
    },

    async stat(key) {
      assertOpen();
      return cache.use(key, async (session) => session?.stat ?? null);
    },

    async append(key, bytes, { logId, expectedEnd, log = "raw", durable = false }) {
      assertOpen();
      return cache.use(key, async (session) => {
        if (!session) throw new RunlogError("log-not-found", "There is no such log");
        if (session.logId !== logId) throw new RunlogError("log-fenced", "The log is another one");
        const buffers = bytes instanceof Uint8Array ? [bytes] : bytes;
        return session.append(log, buffers, expectedEnd, durable);
      });
    },

    read: (key, range) => readLog(cache, key, range, assertOpen),

    setHead: async (key, logId, head) => withLog(key, logId, (session) => session.setHead(head)),

    setDocument: async (key, logId, document) =>
      withLog(key, logId, (session) => session.setDocument(document)),

    markOpen: async (key, logId, runId, data) =>
      withLog(key, logId, () => marks.set({ ...key, logId, runId, data })),

    clearOpen: async (key, logId, runId) => withLog(key, logId, () => marks.clear(key, runId)),

    async *openRuns(key) {
      assertOpen();
      yield* marks.all(key);
    },

    ...createRunBodies(layout, withLog),

    async list(query) {
      assertOpen();
      return listLogs(layout, query).catch(throwDiskError);
    },

    async delete(key) {
      assertOpen();
      return inTurn.run(idOf(key), () =>
        cache.remove(key, async (session) => {
          if (!session) return false;
          await session.abandon();
          try {
            await marks.clearSession(key);
            await trash.throwAway(layout.session(key));
          } catch (error) {
            throw diskError(error);
          }
          return true;
        }),
      );
    },

    async check() {
      assertOpen();
      await access(layout.projects, constants.W_OK).catch(throwDiskError);
    },

    async close() {
      if (closed) return;
      closed = true;
      clearInterval(syncTimer);
      await inTurn.idle();
      await cache.closeAll();
      await trash.emptied;
      unlock();
    },
  };
}
