/**
 * What becomes of sessions that nobody uses any more: they are archived, then deleted, as a policy says.
 *
 * In: the service, and a policy of ages. Out: sessions that are archived or removed as a request would do it, and a
 * line in the log for each.
 *
 * What holds:
 *
 * - Nothing happens to a session with an open run, to one that somebody watches, to one whose last use is not known,
 *   or to one that another process has.
 * - The age is looked at once more after the session was taken, right before it is acted on.
 * - One session at a time, and a bounded number a pass: a policy that was set by mistake can be taken back.
 * - Several processes may do this: the session's owner does it, so a session is acted on by one.
 *
 * Files, in reading order: `policy.ts`, `last-activity.ts`, `due-sessions.ts`, this one.
 */

import { RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { pause } from "../../stream/sync/pause.ts";
import { archiveSession } from "../lifecycle/archive-session.ts";
import { deleteSession } from "../lifecycle/session-commands.ts";
import { rfc3339 } from "../model/time.ts";
import type { AuditEntry, AuditLog } from "../../ports/audit-log.ts";
import type { SessionService } from "../service.ts";
import {
  type DueOptions,
  type DueSession,
  dueSession,
  dueSessions,
  hasMarkedRun,
} from "./due-sessions.ts";
import { type RetentionPolicy, ruleOf } from "./policy.ts";

export interface RetentionOptions {
  readonly service: SessionService;
  readonly policy: RetentionPolicy;
  /** Where deletions are recorded before they are done. Default: nowhere. */
  readonly audit?: AuditLog | null;
  /** Most sessions that are acted on in a pass. Default 500. */
  readonly mostAtOnce?: number;
}

/** What a pass did. */
export interface RetentionPass {
  readonly archived: number;
  readonly deleted: number;
  /** Those that were due and left alone, because they are in use or it failed. */
  readonly left: number;
  /** Sessions whose last use is not known. */
  readonly undated: number;
  /** Whether more may be due than a pass acts on. */
  readonly isCutShort: boolean;
}

export interface Retention {
  /** Looks at all sessions once, and acts. Rejects as the store's list. */
  pass(): Promise<RetentionPass>;
  /** Stops after the session that is acted on; resolves when that is over. */
  close(): Promise<void>;
}

/** In place of a caller's name in what is recorded. */
const RETENTION = "retention";
const MOST_AT_ONCE = 500;
/** The first look, in ms after the start: orphaned runs are taken up by then. */
const FIRST_MS = 10_000;
/** Between two looks, in ms; where each look costs calls of a bucket. */
const EVERY_MS = 3_600_000;
const EVERY_SHARED_MS = 6 * EVERY_MS;
/** Between two looks where the last one was cut short. */
const AGAIN_MS = 60_000;

/** Acts on a policy from now on, in the background. */
export function keepRetention(options: RetentionOptions): Retention {
  const retention = createRetention(options);
  const { clock, logger, store } = options.service;
  const stop = new AbortController();
  const everyMs = store.changes === null ? EVERY_SHARED_MS : EVERY_MS;
  const keep = async (): Promise<void> => {
    // replicas that were started together do not look together
    const first = store.changes === null ? FIRST_MS * (1 + 10 * Math.random()) : FIRST_MS;
    for (let waitMs = first; ;) {
      await pause(waitMs, clock, stop.signal);
      if (stop.signal.aborted) return;
      waitMs = everyMs;
      try {
        const pass = await retention.pass();
        if (pass.isCutShort) waitMs = AGAIN_MS;
        if (pass.archived + pass.deleted + pass.left + pass.undated > 0)
          logger.info("retention-pass", { ...pass });
      } catch (error) {
        logger.warn("retention-pass-failed", { error });
      }
    }
  };
  const kept = keep();
  return {
    pass: () => retention.pass(),
    async close() {
      stop.abort();
      await retention.close();
      await kept;
    },
  };
}

/** Nobody asks for it: it is the server's own doing. */
function entryOf(key: SessionKey, action: DueSession["action"]): Omit<AuditEntry, "outcome"> {
  const nobody = { caller: null, user: RETENTION, isVerified: true, peer: null, status: null };
  return { action, ...key, ...nobody, request: crypto.randomUUID() };
}

/** As `keepRetention`, but only when it is asked. */
export function createRetention({
  service,
  policy,
  audit = null,
  mostAtOnce = MOST_AT_ONCE,
}: RetentionOptions): Retention {
  const { archiver, clock, logger, store } = service;
  let closed = false;
  let working: Promise<unknown> = Promise.resolve();

  const look = (): DueOptions => ({
    store,
    policy,
    isEvicted: async (key) => (await archiver?.isEvicted(key)) ?? false,
    nowMs: clock.now(),
  });

  /** Whether the session was acted on. */
  async function act({ key }: DueSession): Promise<DueSession["action"] | null> {
    if (isInUse(service, key)) return null;
    const { kind } = await store.acquire(key);
    if (kind !== "here") return null;
    try {
      // once more, now that nobody else can use it: it may have been used since it was listed
      const due = await dueSession(look(), key, ruleOf(policy, key.project));
      if (due && (await hasMarkedRun(store, key))) return null;
      const entry = due && entryOf(key, due.action);
      if (entry?.action === "delete") await audit?.writeDurably({ ...entry, outcome: "begun" });
      // no wait between this and what is done
      if (!due || closed || isInUse(service, key)) {
        if (entry?.action === "delete") audit?.write({ ...entry, outcome: "failed" });
        return null;
      }
      const acting =
        due.action === "archive"
          ? archiveSession(service, key, { deleteLocal: true })
          : deleteSession(service, service.directory, key);
      await acting.catch((error: unknown) => {
        if (entry) audit?.write({ ...entry, outcome: "failed" });
        throw error;
      });
      if (entry) audit?.write({ ...entry, outcome: "done" });
      const lastActive = rfc3339(due.lastActiveMs);
      logger.info(`retention-${due.action}d`, { ...key, lastActive });
      return due.action;
    } finally {
      void store.release(key);
    }
  }

  async function pass(): Promise<RetentionPass> {
    const counts = { archived: 0, deleted: 0, left: 0, undated: 0 };
    const onUndated = (): void => void counts.undated++;
    for await (const due of dueSessions({ ...look(), onUndated })) {
      if (closed) break;
      if (counts.archived + counts.deleted + counts.left >= mostAtOnce)
        return { ...counts, isCutShort: true };
      const action = await act(due).catch((error: unknown) => {
        logger.warn("retention-failed", { ...due.key, action: due.action, error });
        return null;
      });
      counts[action === null ? "left" : action === "archive" ? "archived" : "deleted"]++;
    }
    return { ...counts, isCutShort: false };
  }

  return {
    pass() {
      if (closed) return Promise.reject(new RunlogError("store-closed", "It is stopping"));
      const passing = pass();
      working = passing.catch(() => {});
      return passing;
    },
    async close() {
      closed = true;
      await working;
    },
  };
}

/** Whether a run of the session is under way, or somebody watches it. */
function isInUse({ backgroundEvents, runs, sessions }: SessionService, key: SessionKey): boolean {
  return runs.isInFlight(key, null) || backgroundEvents.isSubscribed(key) || sessions.isUsed(key);
}
