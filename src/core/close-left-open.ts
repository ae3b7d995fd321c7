import type { Clock } from "../ports/clock.ts";
import { hasCode } from "../ports/errors.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore, OpenRunMark } from "../ports/log-store.ts";
import { endRun, RESTARTED } from "./run.ts";
import { findRun } from "./session-state.ts";
import type { Sessions } from "./sessions.ts";

interface CloseLeftOpenOptions {
  readonly store: LogStore;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often it is tried again to end the runs of a process that may be dead by now. */
const AGAIN_MS = 10_000;

/**
 * Ends the runs that earlier processes left open. To be called before anything else. Resolves when
 * that was tried for all of them; those whose sessions another process has, or that could not be
 * written, are tried again until they are ended, or the function that it resolves with is called.
 * Rejects as the store does, the first time.
 */
export async function closeLeftOpen(options: CloseLeftOpenOptions): Promise<() => void> {
  const { clock, logger } = options;
  let left = await closeMarked(options, () => true);
  let isTrying = false;

  async function tryAgain(): Promise<void> {
    isTrying = true;
    try {
      // what was opened since the start is being carried
      left = await closeMarked(options, (id) => left.has(id));
    } catch (error) {
      logger.warn("runs-left-open", { error });
    } finally {
      isTrying = false;
    }
  }

  return clock.every(AGAIN_MS, () => {
    if (left.size > 0 && !isTrying) void tryAgain();
  });
}

/** Ends the marked runs that `isLeft` says true of; resolves with those that are still open. */
async function closeMarked(
  options: CloseLeftOpenOptions,
  isLeft: (id: string) => boolean,
): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  for await (const mark of options.store.openRuns()) {
    const id = JSON.stringify([mark.project, mark.session, mark.logId, mark.runId]);
    if (isLeft(id) && !(await closeRun(options, mark))) open.add(id);
  }
  return open;
}

/** Ends a run that was left open; false if that cannot be done now. */
async function closeRun(
  { store, sessions, clock, logger }: CloseLeftOpenOptions,
  mark: OpenRunMark,
): Promise<boolean> {
  const use = sessions.use(mark);
  try {
    const { session } = use;
    const logId = await session.load();
    if (logId === null) return true;
    const { runId } = mark;
    const run = findRun(session.state, runId);
    if (run?.phase !== "ended") {
      const threadId = run?.threadId || threadOf(mark);
      const started = run?.phase === "started";
      // tried once: a store that cannot be written must not keep the server from its readers
      const signal = AbortSignal.abort();
      const open = { session, clock, logger, logId, runId, threadId, signal };
      if (!(await endRun(open, RESTARTED, { started }))) return false;
      logger.warn("run-closed-after-restart", { ...session.key, runId });
    }
    await store.clearOpen(session.key, logId, runId);
    return true;
  } catch (error) {
    if (hasCode(error, "log-not-owned")) return false;
    throw error;
  } finally {
    use.release();
  }
}

/** The thread that the marker wrote down; the session's own if it cannot be read. */
function threadOf({ data, session }: OpenRunMark): string {
  try {
    const { threadId }: { threadId?: unknown } = JSON.parse(data);
    return typeof threadId === "string" ? threadId : session;
  } catch {
    return session;
  }
}
