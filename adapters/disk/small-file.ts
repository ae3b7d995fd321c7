import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, rename, rm, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError, isErrno } from "./errors.ts";
import { openFile, openNewFile } from "./regular-file.ts";
import { syncDirectory, syncDirectorySync } from "./sync-directory.ts";

const MODE = 0o640;

interface ReplaceOptions {
  /** Whether content and name are on the device before it resolves. */
  readonly durable: boolean;
}

/** Replaces a small file: a reader gets the old content or the new, whole. */
export async function replaceFile(
  path: string,
  content: Uint8Array | string | readonly Uint8Array[],
  { durable }: ReplaceOptions,
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await openNewFile(temporary, MODE);
    try {
      await file.writeFile(content);
      // the content first: else a name could outlive a loss of power without it
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await moveOver(temporary, path);
    if (durable) await syncDirectory(dirname(path));
  } catch (error) {
    // on a full disk even an empty file is in the way
    await unlink(temporary).catch(() => {});
    throw diskError(error);
  }
}

/** As `replaceFile`, durably and synchronously. Throws the system's errors. */
export function replaceFileSync(path: string, content: string): void {
  const temporary = `${path}.tmp`;
  try {
    rmSync(temporary, { recursive: true, force: true });
    const file = openSync(temporary, "wx", MODE);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncDirectorySync(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

async function moveOver(from: string, path: string): Promise<void> {
  try {
    await rename(from, path);
  } catch (error) {
    if (!isErrno(error, "EISDIR")) throw error;
    // a directory in the place of a file of ours holds nothing of ours
    await rm(path, { recursive: true });
    await rename(from, path);
  }
}

/** A small file that is replaced whole, and its content in memory. */
export class ReplacedFile {
  readonly #path: string;
  readonly #durable: boolean;
  #content: Uint8Array | null;
  #writing: Promise<void> = Promise.resolve();

  /** `content` is what the file holds, null if there is none. */
  constructor(path: string, content: Uint8Array | null, options: ReplaceOptions) {
    this.#path = path;
    this.#content = content;
    this.#durable = options.durable;
  }

  /** As last replaced. */
  get content(): Uint8Array | null {
    return this.#content;
  }

  /** Replaces the content; calls take effect in their order. */
  set(content: Uint8Array): Promise<void> {
    const write = this.#writing.then(async () => {
      await replaceFile(this.#path, content, { durable: this.#durable });
      this.#content = content;
    });
    this.#writing = write.catch(() => {});
    return write;
  }

  /** Resolves when nothing is being written; never rejects. */
  settled(): Promise<void> {
    return this.#writing;
  }
}

/** Removes a file; nothing happens if there is none. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isErrno(error, "ENOENT")) throw diskError(error);
  });
}

/**
 * The content of a small file, or null if there is none. Of a larger one than it can be, one byte more
 * than `maxBytes`; nothing of what is no file.
 */
export async function readSmallFile(
  path: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const file = await openFile(path);
    if (file === null) return null;
    if (file === "other") return new Uint8Array(0);
    try {
      return await readUpTo(file, maxBytes + 1);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw diskError(error);
  }
}

async function readUpTo(file: FileHandle, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = await file.stat();
  const bytes = new Uint8Array(Math.min(size, most));
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}
