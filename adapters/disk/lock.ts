import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { takeDirectoryName } from "./directory-name.ts";
import { isErrno } from "./errors.ts";
import type { Layout } from "./layout.ts";
import { assertFile } from "./regular-file.ts";

/** The right to write a directory. */
export interface DirectoryLock {
  /**
   * Throws `store-locked` once another process has the directory. Looks at the lock file at most once a
   * second; one that was removed is made again.
   */
  assertHeld(): void;
  /** Whether another process was seen to have it. */
  readonly isLost: boolean;
  release(): void;
}

/** How often the owner looks for its lock file. */
const LOOK_MS = 1_000;
/** So long a start waits for an owner to put back a lock file that was removed. */
const WAIT_MS = 2_500;
const POLL_MS = 50;
const SQLITE_BUSY = 5;

/**
 * Takes the directory for this process, or throws `store-locked`. Two things have to be free:
 *
 * - the file `lock.db`, by SQLite's exclusive transaction: a lock that the kernel releases when the
 *   process ends, however that happens, and that two processes cannot both get; nothing is ever
 *   stored in it;
 * - the directory's name (`directory-name.ts`), which cannot be removed by mistake.
 *
 * Where the name excludes no other process and the file has been removed, its owner puts it back
 * within a second, and a start waits for longer than that. An owner that slept so long that another
 * process has taken the directory finds that out before it writes again (decision 019).
 */
export function lockDirectory(
  layout: Layout,
  logger: Pick<Logger, "warn" | "error">,
): DirectoryLock {
  const { dir, lockFile, formatFile } = layout;
  const releaseName = takeDirectoryName(dir);
  if (!releaseName) throw locked(dir);
  let held: LockFile;
  try {
    if (existsSync(formatFile)) waitForFile(lockFile);
    held = lockFileOf(lockFile, dir);
  } catch (error) {
    releaseName();
    throw error;
  }
  let isLost = false;
  let isMissing = false;
  let lookedAtMs = performance.now();

  function look(): void {
    try {
      if (!isSameFile(lockFile, held)) {
        const next = lockFileOf(lockFile, dir);
        held.database.close();
        held = next;
        logger.warn("lock-file-replaced", { lockFile });
      }
      isMissing = false;
    } catch (error) {
      isLost = hasCode(error, "store-locked");
      if (isLost) logger.error("directory-lost", { lockFile, error });
      // a disk that is full or missing: tried again, and logged once
      else if (!isMissing) logger.error("lock-file-missing", { lockFile, error });
      isMissing = true;
    }
  }

  return {
    get isLost() {
      return isLost;
    },

    assertHeld() {
      const nowMs = performance.now();
      if (!isLost && nowMs - lookedAtMs >= LOOK_MS) {
        lookedAtMs = nowMs;
        look();
      }
      if (isLost) throw locked(dir);
    },

    release() {
      held.database.close();
      releaseName();
    },
  };
}

interface LockFile {
  readonly database: DatabaseSync;
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * Makes the file if there is none, and locks it. Throws `store-locked`, and the system's errors.
 */
function lockFileOf(path: string, dir: string): LockFile {
  makeFile(path);
  const database = new DatabaseSync(path, { open: false });
  try {
    database.open();
    database.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const { dev, ino } = statSync(path, { bigint: true });
    return { database, dev, ino };
  } catch (cause) {
    if (database.isOpen) database.close();
    if (isBusy(cause)) throw locked(dir, cause);
    throw new RunlogError(
      "store-failed",
      `${path} cannot be locked: if no server uses the directory, remove the file`,
      { cause },
    );
  }
}

/** Makes the file, since SQLite's own errors do not tell why it cannot. */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o640));
  } catch (error) {
    // an existing file is not opened here: closing it again would release this process's lock
    if (!isErrno(error, "EEXIST")) throw error;
    assertFile(path);
  }
}

function waitForFile(path: string): void {
  const untilMs = performance.now() + WAIT_MS;
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(path) && performance.now() < untilMs) Atomics.wait(never, 0, 0, POLL_MS);
}

function isSameFile(path: string, { dev, ino }: LockFile): boolean {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found !== undefined && found.dev === dev && found.ino === ino;
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

function locked(dir: string, cause?: unknown): RunlogError {
  return new RunlogError("store-locked", `Another server uses the directory ${dir}`, { cause });
}
