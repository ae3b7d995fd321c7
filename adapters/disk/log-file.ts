import { dirname } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import { refusalOf } from "../../src/ports/log-notes.ts";
import type { AppendNote } from "../../src/ports/log-store.ts";
import { SharedDescriptor } from "./descriptor.ts";
import { diskError, lostEnd } from "./errors.ts";
import type { DiskIo } from "./io.ts";
import type { NoteFile } from "./note-file.ts";
import type { NoteRecord } from "./note-records.ts";
import { syncDirectory } from "./sync-directory.ts";

/** When written bytes are asked to reach the device. */
export type FsyncPolicy = "always" | "interval" | "never";

export interface LogFileOptions {
  readonly path: string;
  /** Accepted bytes in the file; 0 if there is no file yet. */
  readonly end: number;
  /** Whether the device has them. */
  readonly isSynced: boolean;
  readonly fsync: FsyncPolicy;
  readonly io: DiskIo;
  /** Where the notes of appends go; null: no append has any. */
  readonly notes: NoteFile | null;
}

interface Pending {
  readonly buffers: readonly Uint8Array[];
  readonly bytes: number;
  readonly durable: boolean;
  readonly note: AppendNote | null;
  /** The key of a note that is dropped: then nothing is appended. */
  readonly drop: string | null;
  readonly resolve: (end: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Most bytes and buffers of one write; more waits for the next. */
const GROUP_BYTES = 8 * 1024 * 1024;
const GROUP_BUFFERS = 512;

/**
 * One append-only file. Appends that come while a write is under way are committed together by the
 * next: one `writev`, and one `fdatasync` where the policy or an append asks for it.
 *
 * Bytes are written at a position, never "at the end", and count as accepted when the write is
 * whole. After a failed or short write or a failed sync the descriptor is closed; the next append
 * opens the file anew and cuts it back to the accepted end first.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  readonly #file: SharedDescriptor;
  #end: number;
  #queuedEnd: number;
  #queue: Pending[] = [];
  #committing: Promise<void> | null = null;
  /** What lies after the end may be rubbish: cut it off before the next write. */
  #suspect = true;
  #unsynced: boolean;
  /** Whether the device knows the file by its name: not, when it was made just now. */
  #isNamed: boolean;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#file = new SharedDescriptor(options.path, options.io);
    this.#end = options.end;
    this.#queuedEnd = options.end;
    this.#unsynced = !options.isSynced && options.end > 0;
    this.#isNamed = options.isSynced && options.end > 0;
  }

  /** Accepted bytes. */
  get end(): number {
    return this.#end;
  }

  /** Whether an append is under way. */
  get busy(): boolean {
    return this.#committing !== null;
  }

  /** Appends; `expectedEnd` counts the appends in flight. Rejects with `log-fenced` and disk errors. */
  append(
    buffers: readonly Uint8Array[],
    expectedEnd: number,
    { durable, note = null }: { readonly durable: boolean; readonly note?: AppendNote | null },
  ): Promise<number> {
    if (expectedEnd !== this.#queuedEnd)
      return Promise.reject(new RunlogError("log-fenced", "The log ends elsewhere"));
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    const refusal = note && refusalOf(note, bytes, this.#options.notes?.notes ?? null);
    if (refusal) return Promise.reject(refusal);
    this.#queuedEnd += bytes;
    return this.#enqueue({ buffers, bytes, durable, note, drop: null });
  }

  /** Drops a note, after the appends that are in flight. */
  async dropNote(key: string): Promise<void> {
    await this.#enqueue({ buffers: [], bytes: 0, durable: false, note: null, drop: key });
  }

  #enqueue(pending: Omit<Pending, "resolve" | "reject">): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...pending, resolve, reject });
      this.#committing ??= this.#commitAll();
    });
  }

  /** Fills `buffer` from `position`; all of it must lie before the end. */
  async read(buffer: Uint8Array, position: number): Promise<void> {
    try {
      await this.#file.use(async (fd) => {
        let filled = 0;
        while (filled < buffer.length) {
          const into = filled === 0 ? buffer : buffer.subarray(filled);
          const bytes = await this.#options.io.read(fd, into, position + filled);
          if (bytes === 0) throw lostEnd(this.#options.path);
          filled += bytes;
        }
      });
    } catch (error) {
      throw diskError(error, this.#options.path);
    }
  }

  /** Asks the device for what was written, unless it has it or the policy is `never`. */
  async sync(): Promise<void> {
    if (!this.#unsynced || this.#options.fsync === "never") return;
    this.#unsynced = false;
    try {
      // in this order: bytes without their note would be stored twice
      await this.#options.notes?.sync();
      await this.#file.use((fd) => this.#toDevice(fd));
    } catch (error) {
      this.#suspect = true;
      await this.#file.release();
      throw diskError(error, this.#options.path);
    }
  }

  /** Waits for what is under way, syncs and lets the descriptor go. It opens again when used. */
  async close(): Promise<void> {
    await this.#committing;
    try {
      await this.sync();
    } finally {
      await this.#file.release();
      await this.#options.notes?.release();
    }
  }

  async #commitAll(): Promise<void> {
    while (this.#queue.length > 0) {
      if (await this.#dropNext()) continue;
      const group = this.#takeGroup();
      try {
        await this.#commit(group);
      } catch (error) {
        // the appends after them expected the bytes that failed: they fail as well
        const failed = [...group, ...this.#queue];
        this.#queue = [];
        this.#queuedEnd = this.#end;
        this.#suspect = true;
        await this.#file.release();
        for (const { reject } of failed) reject(diskError(error, this.#options.path));
        continue;
      }
      this.#options.notes?.accept();
      for (const { bytes, resolve } of group) resolve((this.#end += bytes));
    }
    this.#committing = null;
  }

  /** Drops a note if that is what comes next; resolves with whether it was. */
  async #dropNext(): Promise<boolean> {
    const [next] = this.#queue;
    if (!next || next.drop === null) return false;
    this.#queue.shift();
    try {
      // a record may only be taken back when its bytes have been
      if (this.#suspect) await this.#file.use((fd) => this.#cutBack(fd));
      await this.#options.notes?.drop(next.drop);
      next.resolve(this.#end);
    } catch (error) {
      next.reject(diskError(error, this.#options.path));
    }
    return true;
  }

  #takeGroup(): Pending[] {
    let bytes = 0;
    let buffers = 0;
    let count = 0;
    for (const pending of this.#queue) {
      bytes += pending.bytes;
      buffers += pending.buffers.length;
      if (pending.drop !== null) break;
      if (count > 0 && (bytes > GROUP_BYTES || buffers > GROUP_BUFFERS)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #commit(group: readonly Pending[]): Promise<void> {
    const { io, fsync } = this.#options;
    const syncs = fsync === "always" || (fsync === "interval" && group.some((one) => one.durable));
    return this.#file.use(async (fd) => {
      if (this.#suspect) await this.#cutBack(fd);
      await this.#writeNotes(fd, group, syncs);
      let position = this.#end;
      const buffers = group
        .flatMap((pending) => pending.buffers)
        .filter(({ length }) => length > 0);
      for (let at = 0; at < buffers.length; at += GROUP_BUFFERS) {
        const part = buffers.slice(at, at + GROUP_BUFFERS);
        const bytes = part.reduce((sum, { length }) => sum + length, 0);
        const written = await io.writev(fd, part, position);
        if (written !== bytes) throw cutShort(this.#options.path);
        position += bytes;
      }
      this.#unsynced ||= position > this.#end;
      if (syncs) {
        await this.#toDevice(fd);
        this.#unsynced = false;
      }
    });
  }

  /** Writes the notes of appends ahead of their bytes. */
  async #writeNotes(fd: number, group: readonly Pending[], durable: boolean): Promise<void> {
    const { fsync, notes } = this.#options;
    if (!notes || group.every(({ note }) => note === null)) return;
    let start = this.#end;
    const records: NoteRecord[] = [];
    for (const { bytes, note } of group) {
      if (note) records.push({ ...note, start, end: start + bytes });
      start += bytes;
    }
    const settle = async (): Promise<void> => {
      if (fsync !== "never" && this.#unsynced) await this.#toDevice(fd);
    };
    await notes.ahead(records, { durable, settle });
  }

  async #toDevice(fd: number): Promise<void> {
    await this.#options.io.datasync(fd);
    if (this.#isNamed) return;
    await syncDirectory(dirname(this.#options.path));
    this.#isNamed = true;
  }

  async #cutBack(fd: number): Promise<void> {
    // a file shorter than what was accepted must not be filled up with zeros
    if ((await this.#options.io.size(fd)) < this.#end) throw lostEnd(this.#options.path);
    await this.#options.io.truncate(fd, this.#end);
    // after the bytes: a part of them without its record would stay
    await this.#options.notes?.cutBack();
    this.#suspect = false;
  }
}

function cutShort(path: string): RunlogError {
  return new RunlogError("store-full", `A write to '${path}' was cut short: is the disk full?`);
}
