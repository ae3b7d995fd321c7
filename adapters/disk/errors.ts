import { RunlogError, type RunlogErrorCode } from "../../src/ports/errors.ts";

const CODES: Readonly<Record<string, [RunlogErrorCode, string]>> = {
  ENOSPC: ["store-full", "The disk is full"],
  EDQUOT: ["store-full", "The disk quota is used up"],
  EFBIG: ["store-full", "The log file is as large as a file may be"],
  EMFILE: ["store-busy", "Too many files are open"],
  ENFILE: ["store-busy", "Too many files are open in the system"],
  EAGAIN: ["store-busy", "The disk is busy"],
  EROFS: ["store-failed", "The disk is read-only"],
  EACCES: ["store-failed", "The disk's files belong to another user"],
};

/** What the operating system said, as a RunlogError. Anything unknown is `store-failed`. */
export function diskError(error: unknown): RunlogError {
  if (error instanceof RunlogError) return error;
  const errno = errnoOf(error);
  const [code, message] = CODES[errno ?? ""] ?? ["store-failed", "The disk failed"];
  return new RunlogError(code, message, { cause: error, errno });
}

/** For the end of a promise chain: throws what `diskError` makes of it. */
export function throwDiskError(error: unknown): never {
  throw diskError(error);
}

/** Whether the operating system said `code`. */
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
