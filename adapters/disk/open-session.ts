import { join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import {
  type AppendOptions,
  LOG_NAMES,
  type LogName,
  type LogStat,
} from "../../src/ports/log-store.ts";
import { diskError, throwDiskError } from "./errors.ts";
import type { DiskIo } from "./io.ts";
import { DOCUMENT_FILE, HEAD_FILE, LOG_FILES, NOTES_FILE } from "./layout.ts";
import { type FsyncPolicy, LogFile } from "./log-file.ts";
import { NoteFile } from "./note-file.ts";
import type { FoundLog } from "./recovery.ts";
import { ReplacedFile } from "./small-file.ts";
import { removeUnclean, writeUnclean } from "./unclean.ts";
import { checkHead } from "../../src/ports/log-values.ts";

export interface OpenSessionOptions {
  readonly found: FoundLog;
  readonly fsync: FsyncPolicy;
  readonly bootId: string;
  readonly io: DiskIo;
}

/** One session's files while they are in use or remembered. Its descriptors open when needed. */
export class OpenSession {
  readonly logId: string;
  readonly #dir: string;
  readonly #fsync: FsyncPolicy;
  readonly #bootId: string;
  readonly #syncedEnd: number;
  readonly #files: Readonly<Record<LogName, LogFile>>;
  readonly #notes: NoteFile;
  readonly #head: ReplacedFile;
  readonly #document: ReplacedFile;
  /** The note that this log is being written, once it is on its way. */
  #unclean: Promise<void> | null = null;
  #gone = false;

  constructor({ found, fsync, bootId, io }: OpenSessionOptions) {
    this.logId = found.logId;
    this.#dir = found.dir;
    this.#fsync = fsync;
    this.#bootId = bootId;
    this.#syncedEnd = found.syncedEnd;
    this.#head = new ReplacedFile(join(found.dir, HEAD_FILE), found.head, {
      durable: fsync === "always",
    });
    // unlike the head it cannot be had again from the log
    this.#document = new ReplacedFile(join(found.dir, DOCUMENT_FILE), found.document, {
      durable: fsync !== "never",
    });
    const { notes, notesLength: length } = found;
    this.#notes = new NoteFile({ path: join(found.dir, NOTES_FILE), notes, length, fsync, io });
    const file = (log: LogName, noteFile: NoteFile | null): LogFile => {
      const path = join(found.dir, LOG_FILES[log]);
      const isSynced = !found.isUnclean;
      return new LogFile({ path, end: found.end[log], isSynced, fsync, io, notes: noteFile });
    };
    this.#files = {
      raw: file("raw", this.#notes),
      compact: file("compact", null),
      edits: file("edits", null),
      runs: file("runs", null),
      keyframes: file("keyframes", null),
      times: file("times", null),
    };
  }

  get stat(): LogStat {
    return {
      logId: this.logId,
      createdAtMs: logIdTime(this.logId),
      end: {
        raw: this.#files.raw.end,
        compact: this.#files.compact.end,
        edits: this.#files.edits.end,
        runs: this.#files.runs.end,
        keyframes: this.#files.keyframes.end,
        times: this.#files.times.end,
      },
      head: this.#head.content,
      document: this.#document.content,
      notes: this.#notes.notes.all(),
    };
  }

  /** Whether an append is under way. */
  get busy(): boolean {
    return LOG_NAMES.some((log) => this.#files[log].busy);
  }

  /** Throws `log-not-found` unless this is the log with that id and it is still there. */
  assertIs(logId: string): void {
    if (this.#gone || logId !== this.logId)
      throw new RunlogError("log-not-found", "There is no such log");
  }

  async append(
    buffers: readonly Uint8Array[],
    { log = "raw", expectedEnd, durable = false, note }: AppendOptions,
  ): Promise<number> {
    if (this.#gone) throw new RunlogError("log-not-found", "The log was deleted");
    if (this.#unclean === null) {
      this.#unclean = this.#noteUnclean().catch((error: unknown) => {
        this.#unclean = null;
        throw diskError(error);
      });
    }
    // the order of calls is the order in the log: those that wait for the note wait all alike
    await this.#unclean;
    return this.#files[log].append(buffers, expectedEnd, { durable, note: note ?? null });
  }

  dropNote(noteKey: string): Promise<void> {
    return this.#files.raw.dropNote(noteKey);
  }

  read(log: LogName, buffer: Uint8Array, position: number): Promise<void> {
    return this.#files[log].read(buffer, position);
  }

  async setHead(head: Uint8Array): Promise<void> {
    checkHead(head);
    await this.#head.set(head.slice());
  }

  async setDocument(document: Uint8Array): Promise<void> {
    await this.#document.set(document.slice());
  }

  async sync(): Promise<void> {
    if (this.#gone) return;
    for (const log of LOG_NAMES) await this.#files[log].sync();
  }

  /** Nothing is accepted from here on; resolves when nothing is under way any more. */
  async abandon(): Promise<void> {
    this.#gone = true;
    await Promise.allSettled([this.#unclean, this.#head.settled(), this.#document.settled()]);
    await Promise.allSettled(LOG_NAMES.map((log) => this.#files[log].close()));
  }

  /** Leaves the files as they would be found after a clean end. */
  async close(): Promise<void> {
    await Promise.all([this.#head.settled(), this.#document.settled()]);
    for (const log of LOG_NAMES) await this.#files[log].close();
    // what was never synced may be lost with the machine: then the note has to stay
    if (this.#unclean === null || this.#gone || this.#fsync === "never") return;
    await this.#unclean;
    this.#unclean = null;
    await removeUnclean(this.#dir).catch(throwDiskError);
  }

  /** The note has to be on the device before the first byte that might not be. */
  async #noteUnclean(): Promise<void> {
    const note = { bootId: this.#bootId, syncedEnd: this.#syncedEnd };
    await writeUnclean(this.#dir, note, { durable: this.#fsync !== "never" });
  }
}
