import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import { MAX_MARK_CHARS, type OpenRunMark, type SessionKey } from "../../src/ports/log-store.ts";
import { diskError, isErrno } from "./errors.ts";
import { type Layout, markPrefix } from "./layout.ts";
import { namesIn } from "./recovery.ts";
import { removeFile, replaceFile } from "./small-file.ts";

/** The marks of open runs: one small file each, all in one directory. */
export interface Marks {
  set(mark: OpenRunMark): Promise<void>;
  clear(key: SessionKey, runId: string): Promise<void>;
  clearSession(key: SessionKey): Promise<void>;
  /** Of a session, or all. */
  all(key?: SessionKey): AsyncIterable<OpenRunMark>;
}

export function createMarks(layout: Layout, options: { readonly durable: boolean }): Marks {
  mkdirSync(layout.openRuns, { recursive: true });

  return {
    async set(mark) {
      if (mark.data.length > MAX_MARK_CHARS)
        throw new RunlogError("invalid-input", "The data of an open-run mark is too long");
      await replaceFile(layout.mark(mark, mark.runId), JSON.stringify(mark), options);
    },

    clear: (key, runId) => removeFile(layout.mark(key, runId)),

    async clearSession(key) {
      const prefix = markPrefix(key);
      for (const name of await namesIn(layout.openRuns))
        if (name.startsWith(prefix)) await removeFile(join(layout.openRuns, name));
    },

    async *all(key) {
      const prefix = key ? markPrefix(key) : "";
      for (const name of await namesIn(layout.openRuns)) {
        if (!name.startsWith(prefix) || !name.endsWith(".json")) continue;
        try {
          const text = await readFile(join(layout.openRuns, name), "utf8");
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by set() alone, replaced whole
          yield JSON.parse(text) as OpenRunMark;
        } catch (error) {
          // cleared since it was listed; anything else is a run whose end nobody would write
          if (!isErrno(error, "ENOENT")) throw diskError(error);
        }
      }
    },
  };
}
