import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { RunlogError } from "../../src/ports/errors.ts";
import { diskError, isErrno } from "./errors.ts";
import { FORMAT, type Layout } from "./layout.ts";

/** Makes the directory, takes its lock and checks its format. Returns what gives the lock back. */
export function takeDirectory(layout: Layout): () => void {
  try {
    mkdirSync(layout.projects, { recursive: true });
    // SQLite opens what cannot be written for reading, and then its lock keeps nobody out
    accessSync(layout.projects, constants.W_OK);
    const unlock = lockDirectory(layout.lockFile, layout.dir);
    try {
      checkFormat(layout);
      return unlock;
    } catch (error) {
      unlock();
      throw error;
    }
  } catch (error) {
    throw diskError(error, layout.dir);
  }
}

function checkFormat(layout: Layout): void {
  if (isKnownFormat(layout)) return;
  writeFileSync(layout.formatFile, `${JSON.stringify({ format: FORMAT })}\n`);
}

/** Whether the directory is one of a store; throws `store-format` when it is of another version. */
export function isKnownFormat({ dir, formatFile }: Layout): boolean {
  let text: string;
  try {
    text = readFileSync(formatFile, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  const format = /"format"\s*:\s*(\d+)/.exec(text)?.[1];
  if (Number(format) !== FORMAT)
    throw new RunlogError(
      "store-format",
      `The directory ${dir} has format ${format ?? "(unreadable)"}; this version knows ${FORMAT}`,
    );
  return true;
}

/** SQLite does not say which file it cannot open, nor why. */
function openLock(lockFile: string): DatabaseSync {
  try {
    return new DatabaseSync(lockFile);
  } catch (error) {
    closeSync(openSync(lockFile, "a+"));
    throw diskError(error, lockFile);
  }
}

/**
 * Takes the directory for this process. SQLite's exclusive transaction is a lock that the kernel
 * lets go with the process, however that ends, and that two processes cannot both get; nothing is
 * ever stored in the file. Returns the function that gives it back.
 */
function lockDirectory(lockFile: string, dir: string): () => void {
  const database = openLock(lockFile);
  try {
    database.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw new RunlogError("store-locked", `Another server uses the directory ${dir}`, { cause });
  }
  return () => database.close();
}
