import { open, readFile, rename, unlink } from "node:fs/promises";
import { diskError, isErrno } from "./errors.ts";

/** Replaces a small file: whoever reads it sees the old content or the new, whole. */
export async function replaceFile(
  path: string,
  content: Uint8Array | string | readonly Uint8Array[],
  options: { readonly durable: boolean },
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w", 0o640);
    try {
      await file.writeFile(content);
      if (options.durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    throw diskError(error);
  }
}

/** A small file that is replaced whole, and its content in memory. */
export class ReplacedFile {
  readonly #path: string;
  readonly #durable: boolean;
  #content: Uint8Array | null;
  #writing: Promise<void> = Promise.resolve();

  /** `content` is what the file holds, null if there is none. */
  constructor(path: string, content: Uint8Array | null, options: { readonly durable: boolean }) {
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

/** The content of a small file, or null if there is none. */
export async function readSmallFile(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw diskError(error);
  }
}

/** Removes a file; nothing happens if there is none. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isErrno(error, "ENOENT")) throw diskError(error);
  });
}
