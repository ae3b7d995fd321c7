import { constants } from "node:fs";
import { type FileHandle, open, readdir, readFile, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { SpoolLog, SpoolLogInfo } from "../../src/ports/relay-spool.ts";
import { diskError, isErrno, throwDiskError } from "./errors.ts";
import { replaceFile } from "./small-file.ts";

export const INFO_FILE = "info.json";
const ENDED_FILE = "ended";
const NAME_DIGITS = 16;

export interface SpoolFilesOptions {
  readonly fileBytes: number;
  readonly onRemoved: (log: SpoolFiles) => void;
}

/** A file with the bytes from `start` on; it is opened when it is first used. */
interface Part {
  readonly start: number;
  length: number;
  handle: Promise<FileHandle> | null;
}

/** A log of a spool, as files of bounded length in a directory of its own. */
export class SpoolFiles implements SpoolLog {
  readonly info: SpoolLogInfo;
  readonly #path: string;
  readonly #fileBytes: number;
  readonly #onRemoved: (log: SpoolFiles) => void;
  /** In order and without a gap; empty as long as nothing was appended. */
  readonly #parts: Part[] = [];
  #start = 0;
  #isRemoved = false;
  #endedAtMs: number | null = null;

  constructor(path: string, info: SpoolLogInfo, { fileBytes, onRemoved }: SpoolFilesOptions) {
    this.#path = path;
    this.#onRemoved = onRemoved;
    this.info = info;
    this.#fileBytes = fileBytes;
  }

  /** The log that lies in a directory. What was written after a gap is what there is. */
  static async recover(
    path: string,
    info: SpoolLogInfo,
    options: SpoolFilesOptions,
  ): Promise<SpoolFiles> {
    const log = new SpoolFiles(path, info, options);
    const names = (await readdir(path)).filter((name) => /^\d{16}$/.test(name)).toSorted();
    for (const name of names) {
      const { size } = await stat(join(path, name));
      const start = Number(name);
      if (start !== log.end) log.#parts.length = 0;
      log.#parts.push({ start, length: size, handle: null });
    }
    log.#start = log.#parts[0]?.start ?? 0;
    log.#endedAtMs = await readEnd(join(path, ENDED_FILE));
    return log;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    const last = this.#parts.at(-1);
    return last ? last.start + last.length : this.#start;
  }

  get endedAtMs(): number | null {
    return this.#endedAtMs;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const part = this.#lastPart();
    try {
      const handle = await this.#openPart(part);
      for (let written = 0; written < bytes.length;) {
        const at = part.length + written;
        const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, at);
        written += bytesWritten;
      }
    } catch (error) {
      throw diskError(error, this.#path);
    }
    part.length += bytes.length;
  }

  async read(offset: number, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const part = this.#parts.find(
      ({ start, length }) => start <= offset && offset < start + length,
    );
    if (!part) throw new RangeError(`the log has nothing at ${offset}`);
    const from = offset - part.start;
    const bytes = new Uint8Array(Math.min(maxBytes, part.length - from));
    try {
      // many logs that have ended may be kept: none of them keeps a descriptor
      if (this.#endedAtMs === null) await readWhole(await this.#openPart(part), bytes, from);
      else {
        await using handle = await open(this.#fileOf(part), constants.O_RDONLY);
        await readWhole(handle, bytes, from);
      }
    } catch (error) {
      throw diskError(error, this.#path);
    }
    return bytes;
  }

  async drop(offset: number): Promise<void> {
    for (;;) {
      const [first] = this.#parts;
      // the last one is written to
      if (!first || this.#parts.length === 1 || first.start + first.length > offset) return;
      this.#parts.shift();
      this.#start = first.start + first.length;
      await close(first);
      await unlink(this.#fileOf(first)).catch(throwDiskError);
    }
  }

  async markEnded(atMs: number): Promise<void> {
    await replaceFile(join(this.#path, ENDED_FILE), String(atMs), { durable: false });
    this.#endedAtMs = atMs;
    await this.close();
  }

  async remove(): Promise<void> {
    this.#isRemoved = true;
    this.#onRemoved(this);
    await this.close();
    try {
      // without it the rest is none of a log any more
      await unlink(join(this.#path, INFO_FILE)).catch((error: unknown) => {
        if (!isErrno(error, "ENOENT")) throw error;
      });
      await rm(this.#path, { recursive: true, force: true });
    } catch (error) {
      throw diskError(error, this.#path);
    }
  }

  /** Closes the files, of which the next use opens what it needs. */
  async close(): Promise<void> {
    await Promise.all(this.#parts.map(close));
  }

  #lastPart(): Part {
    const last = this.#parts.at(-1);
    if (last && last.length < this.#fileBytes) return last;
    const part: Part = { start: this.end, length: 0, handle: null };
    this.#parts.push(part);
    return part;
  }

  #openPart(part: Part): Promise<FileHandle> {
    if (this.#isRemoved) throw new Error(`the log in ${this.#path} was removed`);
    // not for appending: what a failed write has left is written over
    const flags = constants.O_RDWR | constants.O_CREAT;
    part.handle ??= open(this.#fileOf(part), flags, 0o640).catch((error: unknown) => {
      part.handle = null;
      throw error;
    });
    return part.handle;
  }

  #fileOf({ start }: Part): string {
    return join(this.#path, String(start).padStart(NAME_DIGITS, "0"));
  }
}

async function readWhole(handle: FileHandle, bytes: Uint8Array, from: number): Promise<void> {
  for (let read = 0; read < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, read, bytes.length - read, from + read);
    if (bytesRead === 0) throw new Error("a file of the spool is shorter than it was");
    read += bytesRead;
  }
}

async function close(part: Part): Promise<void> {
  const { handle } = part;
  part.handle = null;
  // waits for what is being read or written by it
  await handle
    ?.then((opened) => opened.close())
    .catch(() => {
      // it was never opened
    });
}

async function readEnd(path: string): Promise<number | null> {
  try {
    const text = await readFile(path, "utf8");
    return /^\d+$/.test(text) ? Number(text) : null;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw error;
  }
}
