import { RunlogError, type RunlogErrorCode } from "../../src/ports/errors.ts";

/** What each errno means, and what to do about it. */
const KINDS: Readonly<Record<string, readonly [code: RunlogErrorCode, text: string]>> = {
  ENOSPC: ["store-full", "The disk is full: make room, by deleting sessions for example"],
  EDQUOT: ["store-full", "The disk quota is used up: raise it, or make room"],
  EFBIG: [
    "store-full",
    "The log file is as large as a file may be: ulimit -f and the file system say",
  ],
  EMFILE: ["store-busy", "Too many files are open: raise ulimit -n"],
  ENFILE: ["store-busy", "Too many files are open in the system: raise fs.file-max"],
  EAGAIN: ["store-busy", "The disk is busy: try again"],
  EROFS: ["store-failed", "The disk is read-only: mount it writable, or set another STORAGE_URL"],
  EACCES: ["store-failed", "This user may not use the directory or a file in it"],
  EPERM: ["store-failed", "This user may not use the directory or a file in it"],
  EIO: ["store-failed", "The device fails: the kernel's log says more"],
  ENOTDIR: ["store-failed", "There is a file where a directory has to be: move it away"],
  EISDIR: ["store-failed", "There is a directory where a file has to be: move it away"],
  EEXIST: ["store-failed", "There is a file where a directory has to be: move it away"],
  ELOOP: ["store-failed", "A link leads to itself: remove it"],
  ENOENT: [
    "store-failed",
    "A file or directory is gone: only this process may change what is there",
  ],
};

/**
 * The operating system's error as a RunlogError. An unknown one is `store-failed`. Its message, for
 * people at the server, names the file: the system's own text does, or else `path`.
 */
export function diskError(error: unknown, path?: string): RunlogError {
  if (error instanceof RunlogError) return error;
  const errno = errnoOf(error);
  const [code, meaning] = KINDS[errno ?? ""] ?? ["store-failed", "The disk failed"];
  const said = error instanceof Error ? error.message : String(error);
  const where = path === undefined || said.includes(path) ? "" : ` of '${path}'`;
  return new RunlogError(code, `${meaning} (${said}${where})`, { cause: error, errno });
}

/** For the end of a promise chain: throws what `diskError` makes of it. */
export function throwDiskError(error: unknown): never {
  throw diskError(error);
}

/** A log file does not have all the bytes that were accepted. */
export function lostEnd(path: string): RunlogError {
  const text = `The log file '${path}' is shorter than it was: somebody else has cut it`;
  return new RunlogError("store-failed", text);
}

/** Something lies where a file of ours has to be. */
export function notAFile(path: string, what: string, cause?: unknown): RunlogError {
  const text = `There is ${what} where a file has to be: move '${path}' away`;
  return new RunlogError("store-failed", text, { cause, errno: "EISDIR" });
}

/** Whether the operating system's error has this code. */
export function isErrno(error: unknown, code: string): boolean {
  return errnoOf(error) === code;
}

function errnoOf(error: unknown): string | undefined {
  if (error instanceof RunlogError) {
    const { errno } = error.facts;
    return typeof errno === "string" ? errno : undefined;
  }
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}
