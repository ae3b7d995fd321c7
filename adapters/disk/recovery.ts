import { mkdir, readdir, rename, rm, rmdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { isLogId, renewLogId } from "../../src/ports/log-id.ts";
import type { LogName, LogNote, SessionKey } from "../../src/ports/log-store.ts";
import { isErrno, notAFile } from "./errors.ts";
import {
  DOCUMENT_FILE,
  HEAD_FILE,
  type Layout,
  LOG_FILES,
  NOTES_FILE,
  UNFINISHED,
} from "./layout.ts";
import { readNotes } from "./note-records.ts";
import { openFile } from "./regular-file.ts";
import { replaceFile } from "./small-file.ts";
import { noteSuspectBytes } from "./suspect-bytes.ts";
import { makeDirectory, syncDirectory } from "./sync-directory.ts";
import { completeTakeOver } from "./take-over.ts";
import { readUnclean, removeUnclean, type UncleanNote } from "./unclean.ts";
import { readValues } from "./values.ts";

/** What was found of a session on disk, repaired. */
export interface FoundLog {
  readonly logId: string;
  /** The log's directory. */
  readonly dir: string;
  /** Accepted bytes of each log. */
  readonly end: Readonly<Record<LogName, number>>;
  readonly head: Uint8Array | null;
  readonly document: Uint8Array | null;
  /** The device has the raw log up to here. */
  readonly syncedEnd: number;
  /** Whether there are bytes that it may not have. */
  readonly isUnclean: boolean;
  readonly notes: readonly LogNote[];
  /** Length of the file that they are in. */
  readonly notesLength: number;
}

const LF = 10;
const STEP = 64 * 1024;

/**
 * Finds a session's log and makes it fit to be used: a torn last line - of a write that was never
 * accepted - is cut off, and a log that was open when the machine went down gets a new id, because
 * bytes that were accepted may be gone and their offsets must not be handed out again for others.
 */
export async function findLog(
  layout: Layout,
  key: SessionKey,
  bootId: string,
): Promise<FoundLog | null> {
  const logId = await newestLogId(layout, key);
  if (logId === null) return null;
  const note = await readUnclean(layout.log(key, logId));
  if (note === null || note.bootId === bootId) return openLog(layout, key, logId, note);
  const renewed = renewLogId(logId);
  const dir = layout.log(key, renewed);
  await rename(layout.log(key, logId), dir);
  await syncDirectory(layout.session(key));
  const found = await openLog(layout, key, renewed, null);
  const path = join(dir, LOG_FILES.edits);
  await noteSuspectBytes({ path, syncedEnd: note.syncedEnd, rawEnd: found.end.raw });
  // what is read now comes from the device: from here on the new id stands for it
  await removeUnclean(dir);
  return { ...found, end: { ...found.end, edits: (await lastLineEnd(path)).end } };
}

async function openLog(
  layout: Layout,
  key: SessionKey,
  logId: string,
  note: UncleanNote | null,
): Promise<FoundLog> {
  const dir = layout.log(key, logId);
  await completeTakeOver(dir);
  const { rawEnd, notes, notesLength } = await repairRaw(dir);
  const end = {
    raw: rawEnd,
    compact: await cutTornDerived(join(dir, LOG_FILES.compact)),
    edits: await cutTornLine(join(dir, LOG_FILES.edits)),
    runs: await cutTornDerived(join(dir, LOG_FILES.runs)),
    keyframes: await cutTornDerived(join(dir, LOG_FILES.keyframes)),
    times: await cutTornLine(join(dir, LOG_FILES.times)),
  };
  const syncedEnd = note ? Math.min(note.syncedEnd, end.raw) : end.raw;
  const values = await readValues(dir);
  const isUnclean = note !== null;
  return { logId, dir, end, ...values, syncedEnd, isUnclean, notes, notesLength };
}

/** Cuts the raw log back to its last whole append, as far as notes tell, else to its last whole line. */
async function repairRaw(
  dir: string,
): Promise<{ rawEnd: number } & Pick<FoundLog, "notes" | "notesLength">> {
  const path = join(dir, LOG_FILES.raw);
  const lineEnd = await cutTornLine(path);
  const notesPath = join(dir, NOTES_FILE);
  const { notes, end, length, hasMore } = await readNotes(notesPath, lineEnd);
  if (end < lineEnd) await truncate(path, end);
  // after the bytes, and before others take their place
  if (hasMore) await truncate(notesPath, length);
  return { rawEnd: end, notes, notesLength: length };
}

/** The values that a log is made with. */
export type FirstValues = Pick<FoundLog, "head" | "document">;

/** Makes an empty log, with its values in one step, on the device if it is `durable` or has values. */
export async function makeLog(
  layout: Layout,
  key: SessionKey,
  logId: string,
  { head, document, durable }: FirstValues & { readonly durable: boolean },
): Promise<FoundLog> {
  const dir = layout.log(key, logId);
  // a name that no log has, so that it is not found before it is complete
  const unfinished = `${dir}${UNFINISHED}`;
  try {
    await rm(unfinished, { recursive: true, force: true });
    await makeDirectory(layout.session(key), { durable });
    await mkdir(unfinished);
    if (head) await replaceFile(join(unfinished, HEAD_FILE), head, { durable: true });
    if (document) await replaceFile(join(unfinished, DOCUMENT_FILE), document, { durable: true });
    await rename(unfinished, dir);
    if (durable || head || document) await syncDirectory(layout.session(key));
  } catch (error) {
    // a disk that is full keeps nothing of it
    await rm(unfinished, { recursive: true, force: true });
    await rmdir(layout.session(key)).catch(() => {});
    throw error;
  }
  const end = { raw: 0, compact: 0, edits: 0, runs: 0, keyframes: 0, times: 0 };
  const nothingNoted = { notes: [], notesLength: 0 };
  return { logId, dir, end, head, document, syncedEnd: 0, isUnclean: false, ...nothingNoted };
}

/** The id of the session's log: the newest, should there ever be two. */
export async function newestLogId(layout: Layout, key: SessionKey): Promise<string | null> {
  return newestLogIdIn(layout.session(key));
}

/** The same for the session in a directory. */
export async function newestLogIdIn(dir: string): Promise<string | null> {
  return (await namesIn(dir)).filter(isLogId).at(-1) ?? null;
}

/** Sorted names in a directory; none if it is not there. */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return [];
    throw error;
  }
}

/** Cuts a file back to the end of its last whole line; resolves with its length then. */
async function cutTornLine(path: string): Promise<number> {
  const { size, end } = await lastLineEnd(path);
  if (end < size) await truncate(path, end);
  return end;
}

/** The same for a log that can be made again in place of what is no file (`isDerived`). */
async function cutTornDerived(path: string): Promise<number> {
  return cutTornLine(path).catch(async (error: unknown) => {
    if (!isErrno(error, "EISDIR")) throw error;
    await rm(path, { recursive: true });
    return 0;
  });
}

/**
 * Where the last whole line of a file ends, and the file itself; 0 if there is no file. Throws
 * `store-failed` for what is none.
 */
export async function lastLineEnd(path: string): Promise<{ size: number; end: number }> {
  const file = await openFile(path);
  if (file === null) return { size: 0, end: 0 };
  if (file === "other") throw notAFile(path, "something else");
  try {
    const { size } = await file.stat();
    let end = size;
    const buffer = new Uint8Array(STEP);
    while (end > 0) {
      // one byte is enough for a log that was left whole
      const length = end === size ? 1 : Math.min(STEP, end);
      await file.read(buffer, 0, length, end - length);
      const lastLf = buffer.subarray(0, length).lastIndexOf(LF);
      if (lastLf !== -1) {
        end = end - length + lastLf + 1;
        break;
      }
      end -= length;
    }
    return { size, end };
  } finally {
    await file.close();
  }
}
