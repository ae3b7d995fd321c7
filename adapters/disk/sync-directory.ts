import { closeSync, fsyncSync, mkdirSync, openSync, readlinkSync, statSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import { isErrno } from "./errors.ts";

/** Syncs a directory: the names in it are then on the device. */
export async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, "r");
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}

/** As `syncDirectory`, synchronously. */
export function syncDirectorySync(path: string): void {
  const dir = openSync(path, "r");
  try {
    fsyncSync(dir);
  } finally {
    closeSync(dir);
  }
}

/** Makes a directory and those above it; if `durable`, all their names are on the device then. */
export async function makeDirectory(
  path: string,
  { durable }: { readonly durable: boolean },
): Promise<void> {
  for (const missing of missingOf(path)) {
    try {
      await mkdir(missing);
    } catch (error) {
      if (isDirectory(missing)) continue;
      throw cannotMake(missing, error);
    }
    if (durable) await syncDirectory(dirname(missing));
  }
}

/** As `makeDirectory` with `durable`, synchronously. */
export function makeDirectorySync(path: string): void {
  for (const missing of missingOf(path)) {
    try {
      mkdirSync(missing);
    } catch (error) {
      if (isDirectory(missing)) continue;
      throw cannotMake(missing, error);
    }
    syncDirectorySync(dirname(missing));
  }
}

/**
 * What has to be made for `path`, the outermost first. Node's own `recursive` goes round for ever
 * where a file system answers ENOENT although the directory above is there, as /proc does.
 */
function missingOf(path: string): readonly string[] {
  const missing: string[] = [];
  for (let at = resolve(path); !isDirectory(at); at = dirname(at)) {
    missing.unshift(at);
    if (at === dirname(at)) break;
  }
  return missing;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Why a directory cannot be made, in words that the system's own lack. */
function cannotMake(path: string, error: unknown): unknown {
  const link = isErrno(error, "EEXIST") ? linkAt(path) : null;
  if (link !== null) {
    const text = `The link '${path}' leads to '${link}', which is not there: make it, or remove the link`;
    return new RunlogError("store-failed", text, { cause: error });
  }
  if (!isErrno(error, "ENOENT")) return error;
  const text = `No directory can be made in '${dirname(path)}': name one on another file system`;
  return new RunlogError("store-failed", text, { cause: error });
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
