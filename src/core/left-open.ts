import type { Clock } from "../ports/clock.ts";
import { hasCode } from "../ports/errors.ts";
import { isSameLog } from "../ports/log-id.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore, OpenRunMark } from "../ports/log-store.ts";
import { endRun } from "./end-run.ts";
import { RESTARTED } from "./run-ends.ts";
import type { RunMarks } from "./run-marks.ts";
import type { Sessions } from "./sessions.ts";
import { findRun } from "./session-state.ts";

interface LeftOpenOptions {
  readonly store: LogStore;
  readonly marks: RunMarks;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Runs that other processes have marked as open, and may have left so. */
interface LeftOpen {
  /**
   * Ends the runs whose process is dead. To be called before anything else, and then from time to
   * time: what another process has, or had a moment ago, is left alone, and may be left open by it
   * later.
   */
  close(): Promise<void>;
}

/** How often runs are looked for that another process has left open. */
const AGAIN_MS = 20_000;

/**
 * Ends the runs that were left open, now and from time to time. Resolves after the first time with what
 * stops it; rejects as the store does, the first time.
 */
export async function keepLeftOpenClosed(options: LeftOpenOptions): Promise<() => void> {
  const { clock, logger } = options;
  const leftOpen = createLeftOpen(options);
  await leftOpen.close();
  let isClosing = false;
  return clock.every(AGAIN_MS, () => {
    if (isClosing) return;
    isClosing = true;
    void leftOpen
      .close()
      .catch((error: unknown) => logger.warn("runs-left-open", { error }))
      .finally(() => {
        isClosing = false;
      });
  });
}

/** Runs of which none has been looked for. */
function createLeftOpen(options: LeftOpenOptions): LeftOpen {
  const { store, marks, sessions, clock, logger } = options;
  /** Runs of other processes that were open the last time; null before the first. */
  let seenOpen: ReadonlySet<string> | null = null;

  /** Ends a run that was left open, unless another process has its session. */
  async function closeMarked(mark: OpenRunMark): Promise<void> {
    const use = sessions.use(mark);
    try {
      const { session } = use;
      const logId = await session.reload();
      const { runId } = mark;
      if (logId === null || !isSameLog(logId, mark.logId)) {
        // its log has gone, and what is there now knows nothing of the run
        await store.clearOpen(session.key, mark.logId, runId);
        logger.warn("run-mark-without-log", { ...session.key, runId });
        return;
      }
      const run = findRun(session.state, runId);
      if (run?.phase !== "ended") {
        const threadId = run?.threadId || threadOf(mark.data, mark.session);
        const started = run?.phase === "started";
        // tried once: a store that cannot be written must not keep the server from its readers
        const signal = AbortSignal.abort();
        const open = { session, clock, logger, logId, runId, threadId, signal };
        if (!(await endRun(open, RESTARTED, { started }))) return;
        logger.warn("run-closed-after-restart", { ...session.key, runId });
      }
      await store.clearOpen(session.key, logId, runId);
    } catch (error) {
      if (!hasCode(error, "log-not-owned")) throw error;
    } finally {
      use.release();
    }
  }

  return {
    async close() {
      const before = seenOpen;
      const seen = new Set<string>();
      for await (const mark of store.openRuns()) {
        if (marks.isOurs(mark)) continue;
        const id = JSON.stringify([mark.project, mark.session, mark.logId, mark.runId]);
        seen.add(id);
        // what comes after the start may be on its way out: a run that is left open is there twice
        if (before === null || before.has(id)) await closeMarked(mark);
      }
      seenOpen = seen;
    },
  };
}

function threadOf(data: string, fallback: string): string {
  try {
    const { threadId }: { threadId?: unknown } = JSON.parse(data);
    return typeof threadId === "string" ? threadId : fallback;
  } catch {
    return fallback;
  }
}
