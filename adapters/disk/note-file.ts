import { createLogNotes, type LogNotes } from "../../src/ports/log-notes.ts";
import type { LogNote } from "../../src/ports/log-store.ts";
import { SharedDescriptor } from "./descriptor.ts";
import { diskError } from "./errors.ts";
import type { DiskIo } from "./io.ts";
import type { FsyncPolicy } from "./log-file.ts";
import { encodeNotes, type NoteRecord } from "./note-records.ts";
import { replaceFile } from "./small-file.ts";

export interface NoteFileOptions {
  readonly path: string;
  /** The notes in the file, all of them of accepted bytes. */
  readonly notes: readonly LogNote[];
  /** Length of the file; 0 if there is none. */
  readonly length: number;
  readonly fsync: FsyncPolicy;
  readonly io: DiskIo;
}

/** After so many bytes the file is written anew with nothing but the last notes. */
const REWRITE_BYTES = 128 * 1024;
/** A record that took longer, in ms, shows a device that lets its writers wait: those that follow are waited for elsewhere. */
const SLOW_MS = 5;
const SLOW_FOR_MS = 1_000;

/**
 * The notes of a raw log in a file beside it: a record for each append that has one, written before
 * the append's bytes. A record whose bytes are not all there is one of an append that never was
 * (`note-records.ts`). It is used by the log's writer alone, one call after the other.
 */
export class NoteFile {
  readonly #options: NoteFileOptions;
  readonly #file: SharedDescriptor;
  readonly #notes: LogNotes;
  /** Bytes of the file that are records of accepted appends. */
  #length: number;
  /** Records that are written, and whose bytes are not accepted yet. */
  #ahead: readonly NoteRecord[] = [];
  #aheadBytes = 0;
  /** There may be more in the file than `#length`. */
  #suspect = false;
  #unsynced = false;
  /** Until when records are written by a thread of the pool (`performance.now()`). */
  #isSlowUntilMs = 0;

  constructor(options: NoteFileOptions) {
    this.#options = options;
    this.#file = new SharedDescriptor(options.path, options.io);
    this.#notes = createLogNotes(options.notes);
    this.#length = options.length;
  }

  /** The notes of accepted appends. */
  get notes(): LogNotes {
    return this.#notes;
  }

  /**
   * Writes records of appends whose bytes are written next. `settle` makes sure that the device has all
   * bytes accepted so far; without them the notes before the last ones may still be needed.
   */
  async ahead(
    records: readonly NoteRecord[],
    { durable, settle }: { readonly durable: boolean; readonly settle: () => Promise<void> },
  ): Promise<void> {
    if (this.#length >= REWRITE_BYTES) {
      await settle();
      await this.#rewrite();
    }
    const bytes = encodeNotes(records);
    this.#suspect = true;
    await this.#file.use(async (fd) => {
      const written = await this.#write(fd, bytes);
      if (written !== bytes.length) throw Object.assign(new Error("cut short"), { code: "ENOSPC" });
      if (durable) await this.#options.io.datasync(fd);
    });
    this.#unsynced ||= !durable;
    this.#ahead = records;
    this.#aheadBytes = bytes.length;
  }

  /** The bytes of the records that were written last are accepted. */
  accept(): void {
    if (this.#aheadBytes === 0) return;
    for (const { key, text, end } of this.#ahead) this.#notes.set({ key, text, end });
    this.#length += this.#aheadBytes;
    this.#ahead = [];
    this.#aheadBytes = 0;
    this.#suspect = false;
  }

  /** Takes back the records whose bytes were not accepted. The log must have been cut back before. */
  async cutBack(): Promise<void> {
    this.#ahead = [];
    this.#aheadBytes = 0;
    if (!this.#suspect) return;
    await this.#file.use((fd) => this.#options.io.truncate(fd, this.#length));
    this.#suspect = false;
  }

  /** Drops a note. The file is as it was if it rejects. */
  async drop(key: string): Promise<void> {
    const dropped = this.#notes.get(key);
    if (!dropped) return;
    if (this.#suspect) await this.cutBack();
    this.#notes.drop(key);
    try {
      if (this.#notes.size === 0) await this.#empty();
      else await this.#rewrite();
    } catch (error) {
      this.#notes.set(dropped);
      throw error;
    }
  }

  /** Asks the device for what was written. */
  async sync(): Promise<void> {
    if (!this.#unsynced || this.#options.fsync === "never") return;
    this.#unsynced = false;
    await this.#file
      .use((fd) => this.#options.io.datasync(fd))
      .catch((error: unknown) => {
        this.#unsynced = true;
        throw diskError(error, this.#options.path);
      });
  }

  /** Lets the descriptor go; it opens again when used. */
  async release(): Promise<void> {
    await this.#file.release();
  }

  /**
   * A hundred bytes for the page cache take some microseconds, and a thread of the pool that writes them is waited for
   * ten times as long, once for each append.
   */
  async #write(fd: number, bytes: Uint8Array): Promise<number> {
    const { io } = this.#options;
    const startMs = performance.now();
    if (startMs < this.#isSlowUntilMs) return io.writev(fd, [bytes], this.#length);
    const written = io.writeNow(fd, bytes, this.#length);
    const endMs = performance.now();
    if (endMs - startMs > SLOW_MS) this.#isSlowUntilMs = endMs + SLOW_FOR_MS;
    return written;
  }

  async #empty(): Promise<void> {
    const { fsync, io } = this.#options;
    await this.#file.use(async (fd) => {
      await io.truncate(fd, 0);
      if (fsync === "always") await io.datasync(fd);
    });
    this.#length = 0;
  }

  async #rewrite(): Promise<void> {
    const bytes = encodeNotes(this.#notes.all().map((note) => ({ ...note, start: note.end })));
    await replaceFile(this.#options.path, bytes, { durable: this.#options.fsync !== "never" });
    await this.#file.release();
    this.#length = bytes.length;
    this.#unsynced = false;
  }
}
