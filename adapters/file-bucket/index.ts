import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, rmdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket, ObjectFacts } from "../../src/ports/object-bucket.ts";
import { fileError, isMissing } from "./errors.ts";
import { keysIn } from "./keys-in.ts";
import { readFrom } from "./read-from.ts";

export interface FileBucketOptions {
  /** The directory; made when the first object is put. */
  readonly dir: string;
}

const MAX_PAGE = 1000;
/** Names of ours: no key begins so. */
const TAGS = ".tags";
const TEMPORARY = ".tmp";
const NOTE = ".key";
const MOVE_TRIES = 5;

/**
 * An ObjectBucket in a directory, for one machine: an archive on another disk, and tests. It makes
 *
 * - `<key>`, the object: put whole by a rename, on the device before the answer;
 * - `.tags/<key>`, its tag, if it has one;
 * - `.tmp/<uuid>`, what is being put, and `.tmp/<uuid>.key`, which key it is for, if in parts.
 *
 * Keys are paths: no part of one is empty or begins with a dot, and none is the beginning of another,
 * else `store-failed`.
 */
export function createFileBucket({ dir }: FileBucketOptions): ObjectBucket {
  const pathOf = (key: string, below = ""): string => {
    if (key.split("/").some((part) => part === "" || part.startsWith(".") || part.includes("\0")))
      throw new RunlogError("store-failed", "This key is no name of a file");
    return join(dir, below, key);
  };

  async function factsOf(key: string): Promise<ObjectFacts | null> {
    try {
      const { size } = await stat(pathOf(key));
      const tag = await readFile(pathOf(key, TAGS), "utf8").catch(orElse(""));
      return { size, tag };
    } catch (error) {
      return orElse(null)(error);
    }
  }

  /** A name for what is being put. */
  async function temporary(): Promise<string> {
    await mkdir(join(dir, TEMPORARY), { recursive: true });
    return join(dir, TEMPORARY, randomUUID());
  }

  async function write(path: string, bytes: Uint8Array): Promise<void> {
    const file = await open(path, "a");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Moves a file to where the object is, or, without `replace`, only if there is none. */
  async function place(path: string, key: string, tag: string, replace: boolean): Promise<boolean> {
    try {
      await moveTo(path, pathOf(key), replace);
    } catch (error) {
      if (!replace && isMissing(error, "EEXIST")) return false;
      throw error;
    } finally {
      await rm(path, { force: true });
    }
    await rm(pathOf(key, TAGS), { force: true });
    if (tag !== "") {
      await mkdir(dirname(pathOf(key, TAGS)), { recursive: true });
      await write(pathOf(key, TAGS), new TextEncoder().encode(tag));
    }
    return true;
  }

  async function putBytes(key: string, bytes: Uint8Array, tag: string, replace: boolean) {
    try {
      pathOf(key);
      const path = await temporary();
      await write(path, bytes);
      return await place(path, key, tag, replace);
    } catch (error) {
      throw fileError(error);
    }
  }

  return {
    async get(key, { start = 0, end, signal } = {}) {
      signal?.throwIfAborted();
      const facts = await factsOf(key);
      if (!facts) return null;
      if (start > 0 && start >= facts.size)
        throw new RunlogError("store-failed", "The range begins behind the object");
      const stop = Math.min(end ?? facts.size, facts.size);
      return { ...facts, bytes: readFrom(pathOf(key), start, stop, facts.size) };
    },

    async head(key, { signal } = {}) {
      signal?.throwIfAborted();
      return factsOf(key);
    },

    async put(key, bytes, { tag = "", signal } = {}) {
      signal?.throwIfAborted();
      await putBytes(key, bytes, tag, true);
    },

    async putIfAbsent(key, bytes, { tag = "", signal } = {}) {
      signal?.throwIfAborted();
      return putBytes(key, bytes, tag, false);
    },

    async list({ prefix, startAfter = "", limit = MAX_PAGE, signal }) {
      signal?.throwIfAborted();
      const objects: { key: string; size: number }[] = [];
      for await (const key of keysIn(dir, prefix, startAfter)) {
        if (objects.length === limit) return { objects, more: true };
        const facts = await stat(join(dir, key)).catch(orElse(null));
        if (facts) objects.push({ key, size: facts.size });
      }
      return { objects, more: false };
    },

    async delete(keys, { signal } = {}) {
      signal?.throwIfAborted();
      for (const key of keys) {
        await unlink(pathOf(key)).catch(orElse(undefined));
        await rm(pathOf(key, TAGS), { force: true });
        await removeEmpty(key);
      }
    },

    async multipart(key, { tag = "" } = {}) {
      pathOf(key);
      const path = await temporary().catch(throwFileError);
      const note = `${path}${NOTE}`;
      await write(note, new TextEncoder().encode(key)).catch(throwFileError);
      return {
        part: (bytes) => write(path, bytes).catch(throwFileError),
        async complete() {
          await place(path, key, tag, true).catch(throwFileError);
          await rm(note, { force: true });
        },
        async abort() {
          await rm(path, { force: true });
          await rm(note, { force: true });
        },
      };
    },

    async abortUploads(prefix) {
      for await (const name of keysIn(join(dir, TEMPORARY), "", "")) {
        const note = join(dir, TEMPORARY, name);
        if (!name.endsWith(NOTE)) continue;
        const key = await readFile(note, "utf8").catch(orElse(""));
        if (!key.startsWith(prefix)) continue;
        await rm(note.slice(0, -NOTE.length), { force: true });
        await rm(note, { force: true });
      }
    },
  };

  /** Takes away the folders that an object leaves empty. */
  async function removeEmpty(key: string): Promise<void> {
    for (let folder = dirname(key); folder !== "."; folder = dirname(folder))
      try {
        await rmdir(join(dir, folder));
      } catch {
        // not empty, or gone already
        return;
      }
  }
}

/** Moves a file, and makes its folder again if that was taken away as empty. */
async function moveTo(path: string, target: string, replace: boolean): Promise<void> {
  for (let tries = 1; ; tries++) {
    await mkdir(dirname(target), { recursive: true });
    try {
      await (replace ? rename(path, target) : link(path, target));
      return;
    } catch (error) {
      if (!isMissing(error) || tries === MOVE_TRIES) throw error;
    }
  }
}

function orElse<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isMissing(error)) return value;
    throw fileError(error);
  };
}

function throwFileError(error: unknown): never {
  throw fileError(error);
}
