import { basename, join } from "node:path";
import { hasCode } from "../../src/ports/errors.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { isSameLog } from "../../src/ports/log-id.ts";
import type { OpenRunMark, SessionKey } from "../../src/ports/log-store.ts";
import { checkMarkData } from "../../src/ports/log-values.ts";
import {
  decodeOpenRunMark,
  encodeOpenRunMark,
  MAX_MARK_BYTES,
} from "../../src/ports/open-run-mark.ts";
import { onceEach } from "../../src/stream/sync/once-each.ts";
import { createKeyedMutex } from "../../src/stream/sync/keyed-mutex.ts";
import { type Layout, markPrefix } from "./layout.ts";
import { namesIn } from "./recovery.ts";
import { readSmallFile, removeFile, replaceFile } from "./small-file.ts";

/** The marks of open runs: one small file each, all in one directory. */
export interface Marks {
  set(mark: OpenRunMark): Promise<void>;
  /** Removes the mark of that log, whatever it is called by now. */
  clear(key: SessionKey, logId: string, runId: string): Promise<void>;
  clearSession(key: SessionKey): Promise<void>;
  /** The marks of a session, or all; what lies among them and is none is logged once by its name. */
  all(key?: SessionKey): AsyncIterable<OpenRunMark>;
}

export interface MarksOptions {
  readonly durable: boolean;
  readonly logger: Pick<Logger, "warn">;
}

/** So many names are remembered, so that each is logged once. */
const MAX_ODD = 1_000;
const MARK_ENDING = ".json";

export function createMarks(layout: Layout, { durable, logger }: MarksOptions): Marks {
  const inTurn = createKeyedMutex();
  const noteOdd = onceEach(MAX_ODD, (name, error?: unknown) =>
    logger.warn("run-mark-passed-over", { file: join(layout.openRuns, name), error }),
  );

  /** The mark in a file, or null if there is none in it or it belongs under another name. */
  async function read(path: string): Promise<OpenRunMark | null> {
    const bytes = await readSmallFile(path, MAX_MARK_BYTES);
    const mark = bytes && decodeOpenRunMark(new TextDecoder().decode(bytes));
    return mark && layout.mark(mark, mark.runId) === path ? mark : null;
  }

  return {
    async set(mark) {
      checkMarkData(mark.data);
      const path = layout.mark(mark, mark.runId);
      await inTurn.run(path, () => replaceFile(path, encodeOpenRunMark(mark), { durable }));
    },

    async clear(key, logId, runId) {
      const path = layout.mark(key, runId);
      await inTurn.run(path, async () => {
        const mark = await read(path);
        if (!mark || isSameLog(mark.logId, logId)) await removeFile(path);
      });
    },

    async clearSession(key) {
      const prefix = markPrefix(key);
      for (const name of await namesIn(layout.openRuns))
        if (name.startsWith(prefix))
          await removeFile(join(layout.openRuns, name)).catch((error: unknown) => {
            // a directory is no mark
            if (!hasCode(error, "store-failed")) throw error;
            noteOdd(name, error);
          });
    },

    async *all(key) {
      const prefix = key ? markPrefix(key) : "";
      for (const name of await namesIn(layout.openRuns)) {
        if (!name.startsWith(prefix) || !name.endsWith(MARK_ENDING)) continue;
        const path = join(layout.openRuns, name);
        try {
          const mark = await read(path);
          if (mark) yield mark;
          else if (await isThere(path)) noteOdd(basename(path));
        } catch (error) {
          if (!hasCode(error, "store-failed")) throw error;
          noteOdd(name, error);
        }
      }
    },
  };
}

/** Whether it has not been cleared since it was listed. */
async function isThere(path: string): Promise<boolean> {
  return (await readSmallFile(path, 0)) !== null;
}
