import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LegacyLogs } from "../../src/ports/legacy-logs.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import {
  LOG_NAMES,
  type LogName,
  type LogReader,
  type LogStat,
  type ReadOptions,
  type SessionKey,
} from "../../src/ports/log-store.ts";
import { isStoreDirectory } from "./directory.ts";
import { diskError, isErrno, lostEnd, throwDiskError } from "./errors.ts";
import { isDerived, type Layout, layoutOf, LOG_FILES, NOTES_FILE } from "./layout.ts";
import { readLegacyMessages } from "./legacy.ts";
import { createLister } from "./list.ts";
import { readNotes } from "./note-records.ts";
import { lastLineEnd, newestLogId } from "./recovery.ts";
import { readValues } from "./values.ts";

const CHUNK = 256 * 1024;

/** Logs, and the messages in an older format that came with them. */
export interface DiskLogReader extends LogReader, Pick<LegacyLogs, "messages"> {}

/**
 * Looks at a store's directory beside the process that owns it: takes no lock, repairs nothing and
 * writes nothing. What the owner does meanwhile is seen or not; a session that it deletes is
 * `log-not-found`. Throws `store-format` for a directory of another version or of no store.
 *
 * @example
 * ```ts
 * import { createDiskLogReader } from "runlog/disk";
 *
 * const reader = createDiskLogReader({ dir: "/data" });
 * const stat = await reader.stat({ project: "p", session: "s" });
 * ```
 */
export function createDiskLogReader(options: { readonly dir: string }): DiskLogReader {
  const layout = layoutOf(options.dir);
  if (!isStore(layout))
    throw new RunlogError(
      "store-format",
      `There is no store in the directory ${options.dir}: STORAGE_URL says where it is looked for`,
    );

  const list = createLister(layout);

  async function stat(key: SessionKey): Promise<LogStat | null> {
    const logId = await newestLogId(layout, key);
    if (logId === null) return null;
    const dir = layout.log(key, logId);
    // the values first: the head stands for an offset that the log has reached by then
    const values = await readValues(dir);
    const ends: [LogName, number][] = [];
    for (const log of LOG_NAMES) ends.push([log, await endOf(dir, log)]);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an entry for each name
    const end = Object.fromEntries(ends) as LogStat["end"];
    const { notes } = await readNotes(join(dir, NOTES_FILE), end.raw);
    return { logId, createdAtMs: logIdTime(logId), end, ...values, notes };
  }

  return {
    stat: (key) => stat(key).catch(throwDiskError),
    read: (key, range) =>
      readFile(range, (log) => join(layout.log(key, range.logId), LOG_FILES[log])),
    list: (query) => list(query).catch(throwDiskError),
    messages: (key, logId) => readLegacyMessages(layout.log(key, logId), () => {}),
  };
}

/** Up to where a log in a directory has whole lines; 0 for one that can be made again and is no file. */
async function endOf(dir: string, log: LogName): Promise<number> {
  try {
    return (await lastLineEnd(join(dir, LOG_FILES[log]))).end;
  } catch (error) {
    if (isDerived(log) && isErrno(error, "EISDIR")) return 0;
    throw error;
  }
}

function isStore(layout: Layout): boolean {
  try {
    return isStoreDirectory(layout);
  } catch (error) {
    throw diskError(error, layout.formatFile);
  }
}

function readFile(
  { start = 0, end, log = "raw", signal }: ReadOptions,
  pathOf: (log: LogName) => string,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let file: FileHandle | null = null;
  let at = start;
  let to = end;

  async function close(): Promise<void> {
    await file?.close();
    file = null;
  }

  async function next(): Promise<Uint8Array<ArrayBuffer> | null> {
    signal?.throwIfAborted();
    const path = pathOf(log);
    const accepted = to === undefined || file === null ? (await lastLineEnd(path)).end : to;
    to ??= accepted;
    if (start < 0 || start > to || to > accepted)
      throw new RunlogError("log-range", "The range lies outside the log");
    if (at === to) return null;
    file ??= await open(path, "r");
    const buffer = new Uint8Array(Math.min(CHUNK, to - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw lostEnd(path);
    at += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  return new ReadableStream(
    {
      type: "bytes",
      async pull(controller: ReadableByteStreamController) {
        try {
          const bytes = await next();
          if (bytes) return controller.enqueue(bytes);
          await close();
          controller.close();
          controller.byobRequest?.respond(0);
        } catch (error) {
          await close();
          if (!isErrno(error, "ENOENT"))
            throw signal?.aborted ? error : diskError(error, pathOf(log));
          throw new RunlogError("log-not-found", "The log was deleted", { cause: error });
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}
