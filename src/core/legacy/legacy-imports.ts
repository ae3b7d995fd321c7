/**
 * Logs that an older system left, and logs of our own that a loss of power may have damaged
 * (decision 006).
 *
 * In: a legacy log that lies under a session's name (`ports/legacy-logs.ts`), or a log of ours that
 * the store has marked as possibly damaged. Out: an ordinary log whose readers meet valid lines
 * only.
 *
 * The raw log keeps every byte. What readers must not see is covered by the overlay: records in the
 * session's edits log, each of which stands for a range of the raw log and has its length
 * (`ports/edits.ts`). So offsets and cursors mean the same with and without the overlay.
 *
 * The steps, each of which is safe to repeat after a crash:
 *
 * 1. `importLog` imports the legacy log, in one step of the store, when a session without a log is
 *    first asked for. A session imports only what is certainly its own: see
 *    `LegacyOptions.project`.
 * 2. `prepare` migrates messages of a still older format to one MESSAGES_SNAPSHOT if there is no
 *    event log.
 * 3. `prepare` scans the log once: malformed lines become spaces, times written as text become
 *    numbers, an orphaned run ends with a RUN_ERROR, the state becomes the checkpoint. The mark
 *    that the scan is done is stored last.
 * 4. Readers read through the store that `createOverlayStore` makes.
 *
 * What holds:
 *
 * - Nobody reads an imported log before its scan is done; `Session.load` waits for it.
 * - The scan goes on from its last mark after a crash, and makes the same edits again.
 * - Of a log of our own only malformed lines are left out; nothing else in it is changed. It is
 *   scanned from its checkpoint on, if that cannot be damaged.
 * - Memory does not depend on the length of the log or of a line.
 *
 * Files, in reading order:
 *
 * 1. this file: whose a legacy log is, and when it is imported and scanned
 * 2. `scan-legacy-log.ts`: one scan, its marks, its end
 * 3. `legacy-log-scan.ts`: bytes in, edits and state out; `legacy-time.ts` reads times
 * 4. `scan-marks.ts`: how far a log has been scanned, and where its readers begin
 * 5. `overlay-store.ts`: what readers read instead of the stored bytes
 * 6. `overlay-reader.ts`: edits applied to chunks as they pass
 * 7. `legacy-messages.ts`: messages of the still older format
 */

import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { LegacyLogs } from "../../ports/legacy-logs.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import { idOf } from "../../ports/session-id.ts";
import { onceEach } from "../../stream/sync/once-each.ts";
import type { Folded } from "../model/checkpoint.ts";
import type { RawLog } from "../log/raw-log.ts";
import type { SessionState } from "../model/session-state.ts";
import { OverlayRecords, type ScanMark } from "../../ports/edits.ts";
import { scanLegacyLog } from "./scan-legacy-log.ts";
import { snapshotLine } from "./legacy-messages.ts";
import { readMark } from "./scan-marks.ts";

/** Where legacy logs are, and which sessions may import them. */
export interface LegacyOptions {
  readonly logs: LegacyLogs;
  /**
   * The only project that imports legacy logs, null for none. Default: a project in which the session
   * exists, if it exists in no other.
   */
  readonly project?: string | null;
}

export interface LegacyImportsOptions {
  /** The bytes as they are stored. */
  readonly store: LogStore;
  readonly directory: Pick<SessionDirectory, "projectsWith">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The messages of archived logs. Default null: there is no archive. */
  readonly archiver?: Pick<LegacyLogs, "messages"> | null;
  /** Default: there are no legacy logs. */
  readonly legacy?: LegacyOptions;
}

/** An imported log that is ready for its readers and its writer. */
interface PreparedLog {
  readonly mark: ScanMark;
  /** The state of its events if it was scanned just now; else null: the checkpoint has it. */
  readonly state: SessionState | null;
}

/** Imports legacy logs when their sessions are first asked for. */
export interface LegacyImports {
  /**
   * Imports the legacy log of the session's name, if the session has no log and there is one.
   * Resolves with whether it did. Rejects with `log-not-adoptable` when it cannot be known whose
   * the legacy log is; the log then stays where it is.
   */
  importLog(key: SessionKey): Promise<boolean>;
  /**
   * Makes an imported log, or one that a loss of power may have damaged, ready for its readers and
   * its writer, which takes a few seconds for each 100 MB, once. `head` is the log's checkpoint. To
   * be called by the session's writer.
   */
  prepare(log: RawLog, stat: LogStat, head: Folded): Promise<PreparedLog>;
  /** The messages in an older format that came with a log (`LegacyLogs.messages`). */
  messages(key: SessionKey, logId: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null>;
}

/** Most refused names that are remembered, so that each is logged once. */
const MAX_REFUSED = 10_000;

export function createLegacyImports({
  store,
  directory,
  clock,
  logger,
  archiver,
  legacy,
}: LegacyImportsOptions): LegacyImports {
  const noteRefused = onceEach(MAX_REFUSED, (_id, key: SessionKey) =>
    logger.warn("old-log-not-adopted", { ...key }),
  );

  async function mayImport({ project, session }: SessionKey): Promise<boolean> {
    if (legacy?.project !== undefined) return legacy.project === project;
    const projects = await directory.projectsWith(session);
    return projects.length === 1 && projects[0] === project;
  }

  function refuse(key: SessionKey): RunlogError {
    noteRefused(idOf(key), key);
    return new RunlogError("log-not-adoptable", "Old event log cannot be assigned to this project");
  }

  return {
    async importLog(key) {
      if (!legacy || (await store.stat(key)) || !(await legacy.logs.has(key.session))) return false;
      if (!(await mayImport(key))) {
        // imported by its project in the meantime, so there is nothing to refuse
        if (!(await legacy.logs.has(key.session))) return false;
        throw refuse(key);
      }
      const records = new OverlayRecords();
      const start = { offset: 0, skippedLines: 0, visibleFrom: 0 };
      records.addMark({ isDone: false, isOwn: false, ...start });
      const isImported = await legacy.logs.takeOver(key, records.take());
      if (isImported) logger.info("old-log-adopted", { ...key });
      return isImported;
    },

    async prepare(log, stat, head) {
      const { key } = log;
      const mark = await readMark(store, key, stat);
      if (mark.isDone) return { mark, state: null };
      if (!mark.isOwn)
        await legacy?.logs.migrate(key, stat.logId, (messages) =>
          snapshotLine(messages, { threadId: key.session, timestamp: clock.now() }),
        );
      const migrated = await log.refresh();
      if (migrated?.logId !== stat.logId)
        throw new RunlogError("log-not-found", "The log was deleted");
      const started = clock.now();
      const looked = await scanLegacyLog({ store, log, stat: migrated, mark, head, clock });
      const { skippedLines } = looked.mark;
      const facts = { ...key, skippedLines, tookMs: clock.now() - started };
      if (mark.isOwn) {
        const bytes = migrated.end.raw - mark.offset;
        const isDamaged = skippedLines > mark.skippedLines;
        logger[isDamaged ? "error" : "info"]("log-scanned-after-power-loss", { ...facts, bytes });
      } else {
        logger.info("old-log-looked-through", { ...facts, bytes: migrated.end.raw });
      }
      return looked;
    },

    async messages(key, logId) {
      return (await (archiver ?? legacy?.logs)?.messages(key, logId)) ?? null;
    },
  };
}
