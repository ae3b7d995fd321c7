import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { MultipartUpload } from "../../src/ports/object-bucket.ts";
import { isMissing, orElse, throwFileError } from "./errors.ts";
import { notesPath, pathIn, TAGS, TEMPORARY } from "./paths.ts";

interface AboutObject {
  readonly tag: string;
  readonly notes: string;
}

interface PutWholeOptions extends AboutObject {
  /** Whether it takes the place of what is there. */
  readonly replace: boolean;
}

/** The ways in which objects come into a directory: written beside, then moved to their place. */
interface Putting {
  /** Resolves with whether the object was put. */
  whole(key: string, bytes: Uint8Array, options: PutWholeOptions): Promise<boolean>;
  inParts(key: string, about: AboutObject): Promise<MultipartUpload>;
  abortUploads(prefix: string): Promise<void>;
}

/** After the name of a file of parts: the key that it is for. */
const NOTE = ".key";
const MOVE_TRIES = 5;

/** `mode`: that of the files, but for what the umask takes away. */
export function createPutting(dir: string, mode: number): Putting {
  const below = join(dir, TEMPORARY);

  /** Appends to a file, down to the device. */
  async function write(path: string, bytes: Uint8Array): Promise<void> {
    const file = await open(path, "a", mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async function temporary(): Promise<string> {
    await makeFolder(below);
    return join(below, randomUUID());
  }

  async function place(path: string, key: string, options: PutWholeOptions): Promise<boolean> {
    // known before the object has its name, and in nobody's way if it never has
    const notesAt = options.notes === "" ? null : await putNotes(path, key, options.notes);
    const before = options.replace ? await inodeOf(pathIn(dir, key)) : null;
    try {
      await moveTo(path, pathIn(dir, key), options.replace);
    } catch (error) {
      if (notesAt !== null) await rm(notesAt, { force: true });
      if (isMissing(error, "EEXIST")) return false;
      throw error;
    } finally {
      await rm(path, { force: true });
    }
    if (before !== null) await rm(notesPath(dir, key, before), { force: true });
    const tagPath = pathIn(join(dir, TAGS), key);
    await rm(tagPath, { force: true });
    if (options.tag === "") return true;
    // as the object: whole, by way of a file beside it
    const tag = await temporary();
    await write(tag, new TextEncoder().encode(options.tag));
    await moveTo(tag, tagPath, true);
    return true;
  }

  /** Keeps the notes of an object that is about to be moved to its place; resolves with where. */
  async function putNotes(path: string, key: string, notes: string): Promise<string> {
    const target = notesPath(dir, key, (await stat(path)).ino);
    const file = await temporary();
    await write(file, new TextEncoder().encode(notes));
    await moveTo(file, target, true);
    return target;
  }

  async function putWhole(key: string, bytes: Uint8Array, options: PutWholeOptions) {
    // an invalid key leaves no file
    pathIn(dir, key);
    const path = await temporary();
    try {
      await write(path, bytes);
    } catch (error) {
      // what a full disk has taken of it is in the way
      await rm(path, { force: true });
      throw error;
    }
    return place(path, key, options);
  }

  async function begin(key: string, about: AboutObject): Promise<MultipartUpload> {
    pathIn(dir, key);
    const path = await temporary();
    const note = `${path}${NOTE}`;
    await write(note, new TextEncoder().encode(key));
    return {
      part: (bytes) => write(path, bytes).catch(throwFileError),
      async complete() {
        await place(path, key, { ...about, replace: true }).catch(throwFileError);
        await rm(note, { force: true });
      },
      async abort() {
        await rm(path, { force: true });
        await rm(note, { force: true });
      },
    };
  }

  return {
    whole: (key, bytes, options) => putWhole(key, bytes, options).catch(throwFileError),
    inParts: (key, about) => begin(key, about).catch(throwFileError),

    async abortUploads(prefix) {
      const names = await readdir(below).catch(orElse<string[]>([]));
      for (const name of names) {
        if (!name.endsWith(NOTE)) continue;
        const note = join(below, name);
        const key = await readFile(note, "utf8").catch(orElse(null));
        if (key === null || !key.startsWith(prefix)) continue;
        await rm(note.slice(0, -NOTE.length), { force: true });
        await rm(note, { force: true });
      }
    },
  };
}

async function inodeOf(path: string): Promise<number | null> {
  return stat(path).then(({ ino }) => ino, orElse(null));
}

/** Moves a file, and makes its folder again if that was taken away as empty. */
async function moveTo(path: string, target: string, replace: boolean): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await makeFolder(dirname(target));
      await (replace ? rename(path, target) : link(path, target));
      return syncFolder(dirname(target));
    } catch (error) {
      if (!isMissing(error) || tries === MOVE_TRIES) throw error;
    }
  }
}

/**
 * Makes a folder and those above it, one by one; their names are on the device then. Node's own
 * `recursive` goes round for ever where a file system answers ENOENT for good, as /proc does.
 */
async function makeFolder(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    await mkdir(folder).catch((error: unknown) => {
      if (!isMissing(error, "EEXIST")) throw error;
    });
    await syncFolder(dirname(folder));
  }
}

/** The name of a file is on the device when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
