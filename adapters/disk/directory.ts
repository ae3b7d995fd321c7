import { accessSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { diskError, isErrno } from "./errors.ts";
import { FORMAT, type Layout } from "./layout.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { assertFile } from "./regular-file.ts";
import { replaceFileSync } from "./small-file.ts";
import { syncDirectorySync } from "./sync-directory.ts";

/** Makes the directory, takes its lock and checks its format. */
export function takeDirectory(
  layout: Layout,
  logger: Pick<Logger, "warn" | "error">,
): DirectoryLock {
  try {
    makeFolder(layout.projects);
    // SQLite opens a file that cannot be written for reading, and then its lock excludes no process
    accessSync(layout.projects, constants.W_OK);
    const lock = lockDirectory(layout, logger);
    try {
      makeFolder(layout.openRuns);
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

function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(folder); ; made = dirname(made)) {
    syncDirectorySync(dirname(made));
    if (made === resolve(first)) return;
  }
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
