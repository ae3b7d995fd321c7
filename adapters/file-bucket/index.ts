import { readFile, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket, ObjectFacts } from "../../src/ports/object-bucket.ts";
import { orElse } from "./errors.ts";
import { keysIn } from "./keys-in.ts";
import { notesPath, pathIn, removeEmptyFolders, TAGS } from "./paths.ts";
import { createPutting } from "./putting.ts";
import { readFrom } from "./read-from.ts";

export interface FileBucketOptions {
  /** The directory; made when the first object is put. */
  readonly dir: string;
  /** Whether only their owner may read its files. Default: as the umask has it. */
  readonly isPrivate?: boolean;
}

const MAX_PAGE = 1000;

/**
 * An ObjectBucket in a directory, for one machine: an archive on another disk, and tests. It makes
 *
 * - `<key>`, the object: put whole by a rename, on the device before the answer;
 * - `.tags/<key>`, its tag, if it has one;
 * - `.notes/<key>~<inode>`, its notes, if it has any, on the device before the object has its name. They
 *   are those of the file: a copy of the directory is without;
 * - `.tmp/<uuid>`, what is being put, and `.tmp/<uuid>.key`, which key it is for, if in parts.
 *
 * Keys are paths: no part of one is empty or begins with a dot, and none is the beginning of another,
 * else `store-failed`.
 *
 * @example
 * ```ts
 * import { createFileBucket } from "runlog/file-bucket";
 *
 * const bucket = createFileBucket({ dir: "/mnt/archive" });
 * await bucket.put("a/b", new TextEncoder().encode("hello"));
 * ```
 */
export function createFileBucket({ dir, isPrivate = false }: FileBucketOptions): ObjectBucket {
  const pathOf = (key: string): string => pathIn(dir, key);
  const tagOf = (key: string): string => pathIn(join(dir, TAGS), key);
  const put = createPutting(dir, isPrivate ? 0o600 : 0o666);

  async function factsOf(key: string): Promise<ObjectFacts | null> {
    try {
      const { size, ino } = await stat(pathOf(key));
      const tag = await readFile(tagOf(key), "utf8").catch(orElse(""));
      const notes = await readFile(notesPath(dir, key, ino), "utf8").catch(orElse(""));
      return { size, tag, ...(notes && { notes }) };
    } catch (error) {
      return orElse(null)(error);
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

    async put(key, bytes, { tag = "", notes = "", signal } = {}) {
      signal?.throwIfAborted();
      await put.whole(key, bytes, { tag, notes, replace: true });
    },

    async putIfAbsent(key, bytes, { tag = "", notes = "", signal } = {}) {
      signal?.throwIfAborted();
      return put.whole(key, bytes, { tag, notes, replace: false });
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
        const { ino } = await stat(pathOf(key)).catch(orElse({ ino: null }));
        await unlink(pathOf(key)).catch(orElse(undefined));
        if (ino !== null) await rm(notesPath(dir, key, ino), { force: true });
        await rm(tagOf(key), { force: true });
        await removeEmptyFolders(dir, key);
      }
    },

    multipart: (key, { tag = "", notes = "" } = {}) => put.inParts(key, { tag, notes }),

    abortUploads: (prefix) => put.abortUploads(prefix),
  };
}
