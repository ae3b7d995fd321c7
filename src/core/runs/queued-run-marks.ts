import { hasCode } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore } from "../../ports/log-store.ts";
import { type MarkedRun, noteKeyOf, type RunMarks } from "../log/open-run-marks.ts";
import type { SessionEvents } from "../session/session-events.ts";
import type { Session } from "../session/session.ts";
import type { QueuedRun } from "./queued-run.ts";

export interface QueuedRunMarksOptions {
  readonly session: Session;
  readonly store: Pick<LogStore, "dropNote">;
  readonly marks: RunMarks;
  readonly events: Pick<SessionEvents, "emit">;
  readonly logger: Logger;
}

/** What the store keeps of the runs of one session besides their events: marks, notes and bodies. */
export class QueuedRunMarks {
  readonly #options: QueuedRunMarksOptions;

  constructor(options: QueuedRunMarksOptions) {
    this.#options = options;
  }

  /** Marks the run as open. Throws what the store throws. */
  async set(entry: QueuedRun, logId: string, mark: MarkedRun): Promise<void> {
    const { marks, session } = this.#options;
    entry.mark = mark;
    await marks.markOpen(session.key, logId, entry.runId, mark);
  }

  /** Adds to the mark whether the run can be taken up, in the background: the next process then knows. */
  noteResumable(entry: QueuedRun): void {
    const { logger, session } = this.#options;
    const { isResumable: resumable, logId, runId } = entry;
    if (logId === null) return;
    const mark = { ...entry.mark, resumable };
    entry.marking = entry.marking
      .then(() => this.set(entry, logId, mark))
      .catch((error: unknown) => {
        // the notes of its events say the same
        logger.warn("run-not-marked", { ...session.key, runId, error });
      });
  }

  /** Never rejects, as the others below. */
  async clear(logId: string, runId: string): Promise<void> {
    const { logger, marks, session } = this.#options;
    await marks.clearOpen(session.key, logId, runId).catch((error: unknown) => {
      // the next start finds the run ended, and clears the mark
      logger.warn("run-mark-not-cleared", { ...session.key, runId, error });
    });
  }

  /** Leaves the run to the recovery, which stores its end if some of it was stored. */
  release(logId: string, runId: string, { reached = false }: { reached?: boolean } = {}): void {
    const { events, marks, session } = this.#options;
    const { key } = session;
    marks.release({ ...key, logId, runId }, { reached });
    events.emit("run-released", { key });
  }

  async dropNote({ logId, runId }: QueuedRun): Promise<void> {
    const { logger, session, store } = this.#options;
    if (logId === null) return;
    await store.dropNote(session.key, logId, noteKeyOf(runId)).catch((error: unknown) => {
      if (hasCode(error, "log-not-found", "store-closed")) return;
      logger.warn("run-note-not-dropped", { ...session.key, runId, error });
    });
  }

  async discardBody({ body, runId }: QueuedRun): Promise<void> {
    const { logger, session } = this.#options;
    await body.discard().catch((error: unknown) => {
      // it is removed with the session at the latest
      logger.warn("run-body-not-removed", { ...session.key, runId, error });
    });
  }
}
