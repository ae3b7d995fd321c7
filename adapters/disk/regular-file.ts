import { constants, type Stats, statSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { isErrno, notAFile } from "./errors.ts";

/** Opening never waits: that of a pipe would, until somebody opens its other end. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;
/** Of what no file can be: a link to itself, a socket, a device that is not there. */
const NO_FILES: readonly string[] = ["ELOOP", "ENXIO", "ENODEV"];

/**
 * Opens a file for reading. Null if there is none, and "other" where something lies in its place that is
 * none: a directory, a pipe, a device, a link to itself.
 */
export async function openFile(path: string): Promise<FileHandle | null | "other"> {
  let file: FileHandle;
  try {
    file = await open(path, READ);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    if (NO_FILES.some((code) => isErrno(error, code))) return "other";
    throw error;
  }
  try {
    if ((await file.stat()).isFile()) return file;
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return "other";
}

/** Opens a new file for writing, in place of whatever was left there. */
export async function openNewFile(path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(path, "wx", mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    await rm(path, { recursive: true, force: true });
    return open(path, "wx", mode);
  }
}

/** Throws `store-failed` if something lies there that is no file. */
export function assertFile(path: string): void {
  let found: Stats | undefined;
  try {
    found = statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (!isErrno(error, "ELOOP")) throw error;
    throw notAFile(path, "a link to itself", error);
  }
  if (found && !found.isFile())
    throw notAFile(path, found.isDirectory() ? "a directory" : "something else");
}
