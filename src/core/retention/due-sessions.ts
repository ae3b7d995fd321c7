import { listedLogs } from "../../ports/listed-logs.ts";
import type { LogReader, LogStore, SessionKey } from "../../ports/log-store.ts";
import { hasOpenRun } from "../model/checkpoint.ts";
import { lastActivityOf } from "./last-activity.ts";
import { type RetentionPolicy, type RetentionRule, ruleOf } from "./policy.ts";

/** A session for which it is time. */
export interface DueSession {
  readonly key: SessionKey;
  readonly action: "archive" | "delete";
  readonly lastActiveMs: number;
}

export interface DueOptions {
  readonly store: LogReader;
  /** Whether a session's bytes are in the archive alone. */
  readonly isEvicted: (key: SessionKey) => Promise<boolean>;
  readonly policy: RetentionPolicy;
  readonly nowMs: number;
  /** Told of a session of which it is not known when it was used: it is left alone. */
  readonly onUndated?: (key: SessionKey) => void;
}

const PAGE = 500;

/** The sessions that a policy has something done to now, in the order of the store's list. Throws what the store throws. */
export async function* dueSessions(options: DueOptions): AsyncGenerator<DueSession> {
  const { store, policy, nowMs } = options;
  for await (const log of listedLogs(store, { limit: PAGE })) {
    const rule = ruleOf(policy, log.project);
    // what is younger than any age needs no look
    if (nowMs - log.createdAtMs < shortestMs(rule)) continue;
    const due = await dueSession(options, { project: log.project, session: log.session }, rule);
    if (due) yield due;
  }
}

/** The session, if it is time for it now; one with an open run never is. */
export async function dueSession(
  { store, isEvicted, nowMs, onUndated }: DueOptions,
  key: SessionKey,
  rule: RetentionRule,
): Promise<DueSession | null> {
  const stat = await store.stat(key);
  if (!stat || hasOpenRun(stat.head)) return null;
  const lastActiveMs = await lastActivityOf(store, key, stat, nowMs);
  if (lastActiveMs === null) {
    onUndated?.(key);
    return null;
  }
  const ageMs = nowMs - lastActiveMs;
  const isDue = (afterMs: number | null): boolean => afterMs !== null && ageMs >= afterMs;
  const due = { key, lastActiveMs };
  if (isDue(rule.deleteAfterMs)) return { ...due, action: "delete" };
  // without bytes there is nothing to archive
  if (!isDue(rule.archiveAfterMs) || stat.end.raw === 0 || (await isEvicted(key))) return null;
  return { ...due, action: "archive" };
}

/** Whether a run of the session is marked open: one that waits, or that a dead process has left. */
export async function hasMarkedRun(
  store: Pick<LogStore, "openRuns">,
  key: SessionKey,
): Promise<boolean> {
  const marks = store.openRuns(key)[Symbol.asyncIterator]();
  const { done } = await marks.next();
  await marks.return?.();
  return done !== true;
}

function shortestMs({ archiveAfterMs, deleteAfterMs }: RetentionRule): number {
  return Math.min(archiveAfterMs ?? Infinity, deleteAfterMs ?? Infinity);
}
