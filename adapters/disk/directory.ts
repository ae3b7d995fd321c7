import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { RunlogError } from "../../src/ports/errors.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { diskError, isErrno } from "./errors.ts";
import { FORMAT, type Layout } from "./layout.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { assertFile } from "./regular-file.ts";
import { replaceFileSync } from "./small-file.ts";
import { makeDirectorySync } from "./sync-directory.ts";

/** Makes the directory, takes its lock and checks its format. */
export function takeDirectory(
  layout: Layout,
  logger: Pick<Logger, "warn" | "error">,
): DirectoryLock {
  try {
    makeDirectorySync(layout.projects);
    // SQLite opens a file that cannot be written for reading, and then its lock excludes no process
    accessSync(layout.projects, constants.W_OK);
    const lock = lockDirectory(layout, logger);
    try {
      makeDirectorySync(layout.openRuns);
      if (formatOf(layout) === null)
        replaceFileSync(layout.formatFile, `${JSON.stringify({ format: FORMAT })}\n`);
      return lock;
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw diskError(error, layout.dir);
  }
}

/** Whether the directory is one of a store; throws `store-format` when it is of another version. */
export function isStoreDirectory(layout: Layout): boolean {
  return formatOf(layout) !== null || existsSync(layout.projects);
}

/**
 * The format version of the directory, or null if it has none: before the first start, and after a
 * first start that a loss of power or a full disk has cut short.
 */
function formatOf({ dir, formatFile }: Layout): number | null {
  const text = readFormat(formatFile);
  if (text === null) return null;
  const format = /"format"\s*:\s*(\d+)/.exec(text)?.[1];
  if (format === undefined && !isWhole(text)) return null;
  if (Number(format) === FORMAT) return FORMAT;
  throw new RunlogError(
    "store-format",
    `The directory ${dir} has format ${format ?? "(unreadable)"}; this version knows ${FORMAT}`,
  );
}

function readFormat(path: string): string | null {
  assertFile(path);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw error;
  }
}

/** Whether the text was written to its end: JSON of which nothing is missing. */
function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
