import { RunlogError } from "../../src/ports/errors.ts";

/** The operating system's error, which names the file, as an error of the port. */
export function fileError(cause: unknown): unknown {
  if (cause instanceof RunlogError || !(cause instanceof Error && "code" in cause)) return cause;
  const { message } = cause;
  const code = String(cause.code);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new RunlogError("store-full", `The disk is full: make room (${message})`, {
      cause,
    });
  if (code === "EMFILE" || code === "ENFILE") {
    const text = `Too many files are open: raise ulimit -n (${message})`;
    return new RunlogError("store-busy", text, { cause });
  }
  const text = `The directory cannot be used: RUNLOG_ARCHIVE_URL or STORAGE_URL names it (${message})`;
  return new RunlogError("store-failed", text, { cause });
}

/** Whether the file is missing, or the error has one of `codes`. */
export function isMissing(error: unknown, ...codes: readonly string[]): boolean {
  const wanted = codes.length > 0 ? codes : ["ENOENT", "ENOTDIR"];
  return error instanceof Error && "code" in error && wanted.includes(String(error.code));
}

/** For `catch`: `value` if there is no such file, else what `fileError` makes of it. */
export function orElse<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isMissing(error)) return value;
    throw fileError(error);
  };
}

/** For `catch`: throws on in the words of the port. */
export function throwFileError(error: unknown): never {
  throw fileError(error);
}
