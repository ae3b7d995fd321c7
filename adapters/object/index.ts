import type { Clock } from "../../src/ports/clock.ts";
import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import { firstValues } from "../../src/ports/log-values.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { LogStore, SessionKey, LogStat } from "../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import type { PeerAddress } from "../../src/ports/session-owner.ts";
import { createKeys } from "./keys.ts";
import { createHeldMarks } from "./held-marks.ts";
import { createLeases } from "./lease.ts";
import type { BucketAccess } from "./log-end.ts";
import { createMarkOperations } from "./marks.ts";
import type { OwnedSession } from "./owned-session.ts";
import { createOwnedSessions } from "./owned-sessions.ts";
import { createOwner } from "./owner.ts";
import { createOwnership } from "./ownership.ts";
import { createRetryPolicy } from "./retry-policy.ts";
import { readLog } from "./read-log.ts";
import { createReadiness } from "./readiness.ts";
import { createRunBodies } from "./run-bodies.ts";
import { labelled } from "../../src/stream/text/dns-label.ts";
import { createView } from "./view.ts";

export interface ObjectLogStoreOptions {
  readonly bucket: ObjectBucket;
  readonly clock: Clock;
  /** Begins all keys: "" or a name that ends with a slash. Default "". */
  readonly prefix?: string;
  /** Logs failures in the background. Default: they are not logged. */
  readonly logger?: Pick<Logger, "warn">;
  /** How long in ms an append waits for others that travel with it. Default 200. */
  readonly batchMs?: number;
  /** Bytes that do not wait for more. Default 1 MiB. */
  readonly batchBytes?: number;
  /** How long in ms a process that is silent keeps its sessions. Default 15 s. */
  readonly leaseMs?: number;
  /**
   * How long in ms a session is kept that this process does not write and has not acquired, before others may
   * take it. Default 60 s.
   */
  readonly idleMs?: number;
  /** How other processes that share the bucket reach this one. Default null: they do not. */
  readonly advertised?: PeerAddress | null;
  /** How long in ms objects stay that were merged into larger ones. Default 60 s. */
  readonly garbageMs?: number;
  /** How long in ms a bucket may take over one call, and 1 s more a MiB. Default 10 s. */
  readonly attemptMs?: number;
  /** How long in ms a call is tried again. Default 30 s. */
  readonly deadlineMs?: number;
  /** How long in ms a close waits for what is under way. Default 10 s. */
  readonly closeMs?: number;
  /**
   * Whether the platform lets one process at a time serve a session, as a Durable Object does: then
   * no process waits for the lease of one that has ended. Default false.
   */
  readonly exclusive?: boolean;
}

const CLOSED = "The store is closed";

/**
 * A LogStore on immutable objects. It makes, below `prefix`, `<session>` being the label of the
 * session's name:
 *
 * - `runlog.json` the format version, checked by `check`;
 * - `trials/…` what `check` puts to see what the bucket does;
 * - `lives/<project>!<session>!<epoch>!<logId>` without bytes: that the session has a log;
 * - `logs/<project>/<session>/<logId>/<log>/<start>` what one put appended, its start inverted so that
 *   the latest is listed first; `…/<start>-<end>` several of them merged; one without bytes closes
 *   the log for ever;
 * - `logs/…/<logId>/values/<head|document|notes>!<epoch>!<number>` versions of a value, the newest first;
 *   notes since then are in the metadata of the raw log's objects (`session-notes.ts`);
 * - `logs/…/<logId>/bodies/<hash>` the bodies of the runs that wait;
 * - `marks/<project>!<session>!<logId>!<hash>` the runs that are open, each with the owner that has marked it;
 * - `leases/<project>!<session>!<epoch>` which process has the session, the newest first;
 * - `owners/<id>` until when the leases of a process hold, and how other processes reach it.
 *
 * Segments and values are never replaced by other bytes: a process that wakes up late finds the key
 * of its next put taken. Marks, and the state of leases and owners, are replaced. Appends of a
 * session are put in objects of up to 1 MiB (or of one append that is larger) five times a second at
 * most, at once when they are durable.
 *
 * Throws `log-not-owned` from writes while another process has the session, `store-busy` when
 * the bucket did not take something in time, `store-unanswered` when it is unknown whether it took a
 * value or a mark. An append for which that is unknown waits until it is known.
 *
 * @example
 * ```ts
 * import { systemClock } from "runlog/node";
 * import { createObjectLogStore } from "runlog/object";
 * import { createS3Bucket } from "runlog/s3";
 *
 * const bucket = createS3Bucket({ bucket: "sessions" });
 * const store = createObjectLogStore({ bucket, clock: systemClock, prefix: "runlog/" });
 * ```
 */
export function createObjectLogStore(options: ObjectLogStoreOptions): LogStore {
  const { bucket, clock, prefix = "", logger = { warn() {} }, leaseMs = 15_000 } = options;
  const { attemptMs = 10_000, deadlineMs = 30_000, exclusive = false, advertised = null } = options;
  const closing = new AbortController();
  const times = { clock, attemptMs, deadlineMs };
  const retry = createRetryPolicy({ ...times, closing: closing.signal, bucket });
  const keys = createKeys(prefix);
  const access: BucketAccess = { bucket, keys, retry };
  const owner = createOwner({ bucket, keys, retry, clock, logger, leaseMs, advertised });
  const leases = createLeases({ bucket, keys, retry, owner, exclusive });
  const sessions = createOwnedSessions({
    access,
    clock,
    logger,
    ownerId: owner.id,
    leases,
    keepsAcquired: advertised !== null,
    batchMs: options.batchMs ?? 200,
    batchBytes: options.batchBytes ?? 1024 * 1024,
    garbageMs: options.garbageMs ?? 60_000,
    idleMs: options.idleMs ?? 60_000,
  });
  const held = createHeldMarks({ access, clock, owner, exclusive });
  const ready = createReadiness({ access, clock, id: owner.id });
  let closed = false;

  function assertOpen(): void {
    if (closed) throw new RunlogError("store-closed", CLOSED);
  }

  function withLog<T>(
    key: SessionKey,
    logId: string,
    operation: (session: OwnedSession) => Promise<T>,
  ): Promise<T> {
    assertOpen();
    return sessions.use(key, async (session) => {
      if (!session) throw new RunlogError("log-not-found", "There is no such log");
      session.assertIs(logId);
      return operation(session);
    });
  }

  const view = createView(access, sessions);

  async function stat(key: SessionKey): Promise<LogStat | null> {
    assertOpen();
    return view.stat(key);
  }

  return {
    // several servers may share the bucket
    changes: null,

    ...createOwnership({ leases, owner, sessions, isClosed: () => closed, assertOpen }),

    async create(key, given) {
      assertOpen();
      const first = firstValues(labelled(key.session), given);
      try {
        return await sessions.make(key, first, async (session) => session.stat);
      } catch (error) {
        // a stat needs no lease: another process may have the session
        const there = hasCode(error, "log-not-owned") ? await view.stat(key) : null;
        if (there) return there;
        throw error;
      }
    },

    stat,

    async append(key, bytes, given) {
      assertOpen();
      return sessions.use(key, async (session) => {
        if (!session) throw new RunlogError("log-not-found", "There is no such log");
        if (session.logId !== given.logId)
          throw new RunlogError("log-fenced", "The log is another one");
        return session.append(bytes instanceof Uint8Array ? [bytes] : bytes, given);
      });
    },

    read(key, range) {
      const folder = keys.logFolder(key, range.logId, range.log ?? "raw");
      return readLog({
        access,
        folder,
        range,
        assertOpen,
        findEnd: () => view.findEnd(key, range),
      });
    },

    dropNote: async (key, logId, noteKey) =>
      withLog(key, logId, (session) => session.dropNote(noteKey)),

    document: async (key, logId) => documentIn(await stat(key), logId),

    setHead: async (key, logId, head) => withLog(key, logId, (session) => session.setHead(head)),

    setDocument: async (key, logId, document) =>
      withLog(key, logId, (session) => session.setDocument(document)),

    ...createMarkOperations({ access, held, logger, sessions, withLog, assertOpen }),

    ...createRunBodies(access, withLog),

    async list(query = {}) {
      assertOpen();
      return view.list(query);
    },

    async delete(key) {
      assertOpen();
      return sessions.remove(key);
    },

    async check() {
      assertOpen();
      await ready();
    },

    async close() {
      if (closed) return;
      closed = true;
      const error = new RunlogError("store-closed", CLOSED);
      const cancel = clock.after(options.closeMs ?? 10_000, () => closing.abort(error));
      const isAtRest = await sessions.close(error).then(
        () => true,
        () => false,
      );
      // what has not been put by then is undecided and may land yet: then the leases have to lapse
      if (isAtRest && !closing.signal.aborted) await owner.close().catch(() => {});
      cancel();
      closing.abort(error);
    },
  };
}

function documentIn(stat: LogStat | null, logId: string): Uint8Array | null {
  if (stat?.logId === logId) return stat.document;
  throw new RunlogError("log-not-found", "There is no such log");
}
