import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { BoundedMap } from "../../stream/sync/bounded-map.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { NOT_STARTED, type RunEnd } from "../model/run-end-reasons.ts";
import { type KnownRun, settled, unendedRuns } from "../model/session-state.ts";
import type { Session } from "../session/session.ts";
import type { RunRecovery } from "../session/session-registry.ts";
import { endRun } from "./append-run-error.ts";
import { AGAIN_MS } from "./recover-orphaned-runs.ts";
import type { RunsInFlight } from "./runs-in-flight.ts";

export interface RunRecoveryOptions {
  readonly store: Pick<LogStore, "openRuns" | "owns" | "ownerOf">;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * The mutex under which a session's runs are admitted, by `idOf` its key: no run is closed
   * meanwhile.
   */
  readonly admissions: KeyedMutex;
  readonly inFlight: Pick<RunsInFlight, "has">;
}

/** Most sessions that are known to be in use elsewhere; they are not checked again for a while. */
const MAX_BUSY = 10_000;

/**
 * Ends runs that a log has open, nobody works on and no mark names: those of a directory that was
 * copied while it was in use, or a run that a runner began within another and did not end.
 */
export function createRunRecovery(options: RunRecoveryOptions): RunRecovery {
  const { store, clock, logger, admissions, inFlight } = options;
  /** Until when sessions count as in use elsewhere, epoch ms. */
  const busyUntil = new BoundedMap<string, number>(MAX_BUSY);

  async function markedRuns(key: SessionKey): Promise<ReadonlySet<string>> {
    const marked = new Set<string>();
    for await (const { runId } of store.openRuns(key)) marked.add(runId);
    return marked;
  }

  /** As `recover`; no run is admitted meanwhile. Throws what the store throws. */
  async function closeUnmarked(session: Session, end: RunEnd): Promise<boolean> {
    const { key } = session;
    if (!store.owns(key) && (await store.ownerOf(key)).kind === "elsewhere") {
      busyUntil.set(idOf(key), clock.now() + AGAIN_MS);
      return false;
    }
    const isLeft = ({ runId }: KnownRun): boolean => !inFlight.has(key, runId);
    await session.load();
    if (session.state.status !== "working" && unendedRuns(session.state).length === 0) return false;
    const before = unendedRuns(session.state).filter(isLeft);
    // a run that was open before the marks were read, has none, and is open after that, has no owner
    const marked = before.length > 0 ? await markedRuns(key) : new Set<string>();
    if (marked.size > 0) busyUntil.set(idOf(key), clock.now() + AGAIN_MS);
    const logId = await session.reload();
    if (logId === null) return false;
    const known = session.state.offset;
    for (const { runId, threadId, phase } of unendedRuns(session.state).filter(isLeft)) {
      if (marked.has(runId) || !before.some((run) => run.runId === runId)) continue;
      const thread = threadId || key.session;
      const open = { session, clock, logger, logId, knownEnd: known, runId, threadId: thread };
      const waits = phase === "waiting";
      const how = { started: !waits, forgets: waits };
      await endRun({ ...open, signal: AbortSignal.abort() }, waits ? NOT_STARTED : end, how);
      logger.warn("run-closed", { ...key, runId, code: waits ? NOT_STARTED.code : end.code });
    }
    if (session.state.status === "working" && !inFlight.has(key, null)) {
      session.update(settled);
      await session.save();
    }
    return session.state.offset !== known;
  }

  return {
    isDue(key) {
      const id = idOf(key);
      if (inFlight.has(key, null) || clock.now() < (busyUntil.get(id) ?? 0)) return false;
      busyUntil.delete(id);
      return true;
    },

    async recover(session, end) {
      const { key } = session;
      if (!this.isDue(key)) return false;
      return admissions
        .run(idOf(key), () => closeUnmarked(session, end))
        .catch((error: unknown) => {
          logger.warn("runs-left-open", { ...key, error });
          return false;
        });
    },
  };
}
