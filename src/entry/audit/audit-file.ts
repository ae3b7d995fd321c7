import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "../../../adapters/disk/sync-directory.ts";
import type { Logger } from "../../ports/logger.ts";
import { UsageError } from "../exit.ts";
import type { AuditLines } from "./open-audit.ts";

/** It says who did what: it is its owner's, and may be its group's. */
const MODE = 0o640;
/** Characters that wait for a file that cannot be written; what comes then is lost, and counted. */
const MAX_WAITING = 4 * 1024 * 1024;
/** How long in ms until it is tried again. */
const RETRY_MS = 1_000;

interface WaitingLine {
  readonly bytes: Uint8Array;
  /** Told what became of it; null for a line that is tried again until it is written. */
  readonly done: ((error: unknown) => void) | null;
}

/**
 * Appends lines to a file, which is made if it is not there, also after it was moved away or deleted (log rotation). Lines come in
 * order, those that wait together by one write. A line is never cut: where a write ends within one, the next begins on a line of
 * its own.
 */
export async function openAuditFile(
  { path }: { readonly path: string },
  logger: Logger,
): Promise<AuditLines> {
  const file = new AuditFile(path, logger);
  await file.reopenIfMoved().catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    throw new UsageError(`RUNLOG_AUDIT cannot be written: ${text}`);
  });
  return file;
}

class AuditFile implements AuditLines {
  readonly #path: string;
  readonly #logger: Logger;
  #handle: FileHandle | null = null;
  #waiting: WaitingLine[] = [];
  #waitingBytes = 0;
  #working: Promise<void> | null = null;
  #retry: NodeJS.Timeout | null = null;
  /** Whether the file ends within a line. */
  #isTorn = false;
  #lost = 0;
  #isFailing = false;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  write(line: string): void {
    if (this.#waitingBytes + line.length > MAX_WAITING) this.#lost++;
    else this.#add(line, null);
  }

  writeDurably(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add(line, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  async close(): Promise<void> {
    await this.#work();
    if (this.#retry) clearTimeout(this.#retry);
    if (this.#waiting.length > 0)
      this.#logger.error("audit-lines-lost", { lines: this.#waiting.length + this.#lost });
    await this.#handle?.close();
    this.#handle = null;
  }

  /** Opens the file under the path, unless it is the one that is open. */
  async reopenIfMoved(): Promise<void> {
    if (this.#handle && (await this.#isSame(this.#handle))) return;
    await this.#handle?.close();
    this.#handle = null;
    this.#handle = await open(this.#path, "a", MODE);
    this.#isTorn = false;
    await syncDirectory(dirname(this.#path));
  }

  async #isSame(handle: FileHandle): Promise<boolean> {
    const own = await handle.stat();
    try {
      const there = await stat(this.#path);
      return there.ino === own.ino && there.dev === own.dev;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  #add(line: string, done: WaitingLine["done"]): void {
    const bytes = Buffer.from(line);
    this.#waiting.push({ bytes, done });
    this.#waitingBytes += bytes.length;
    if (this.#retry === null || done !== null) void this.#work();
  }

  /** Writes what waits; resolves when nothing does, or the file cannot be written. */
  #work(): Promise<void> {
    this.#working ??= this.#writeAll().finally(() => {
      this.#working = null;
      // what came after the last look
      if (this.#waiting.length > 0 && this.#retry === null) void this.#work();
    });
    return this.#working;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        await this.#append(batch);
        this.#worked();
      } catch (error) {
        this.#failed(batch, error);
        return;
      }
    }
  }

  /** Takes the lines out of `batch` that are written. */
  async #append(batch: WaitingLine[]): Promise<void> {
    await this.reopenIfMoved();
    const handle = this.#handle;
    if (handle === null) throw new TypeError("The file is not open");
    const needsSync = batch.some(({ done }) => done !== null);
    const start = this.#isTorn ? "\n" : "";
    let left = Buffer.concat([Buffer.from(start), ...batch.map(({ bytes }) => bytes)]);
    let written = -start.length;
    try {
      while (left.length > 0) {
        const { bytesWritten } = await handle.write(left);
        left = left.subarray(bytesWritten);
        written += bytesWritten;
      }
      if (needsSync) await handle.datasync();
    } catch (error) {
      this.#isTorn = dropWritten(batch, written);
      throw error;
    }
    this.#isTorn = false;
    for (const { done } of batch.splice(0)) done?.(null);
  }

  #worked(): void {
    if (this.#isFailing) this.#logger.info("audit-writable-again", { path: this.#path });
    this.#isFailing = false;
    if (this.#lost === 0) return;
    this.#logger.error("audit-lines-lost", { lines: this.#lost });
    this.#lost = 0;
  }

  /** Whoever waits is told; the other lines wait on. */
  #failed(batch: readonly WaitingLine[], error: unknown): void {
    if (!this.#isFailing) this.#logger.error("audit-not-written", { path: this.#path, error });
    this.#isFailing = true;
    const kept = batch.filter(({ done }) => done === null);
    this.#waiting = [...kept, ...this.#waiting];
    this.#waitingBytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
    for (const { done } of batch) done?.(error);
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#work();
    }, RETRY_MS).unref();
  }
}

/** Takes the lines out of `batch` that nobody waits for and that are written whole. Returns whether one was written in part. */
function dropWritten(batch: WaitingLine[], writtenBytes: number): boolean {
  let end = 0;
  let wholeEnd = 0;
  const left = batch.filter(({ bytes, done }) => {
    end += bytes.length;
    if (end > writtenBytes) return true;
    wholeEnd = end;
    return done !== null;
  });
  batch.splice(0, batch.length, ...left);
  return writtenBytes !== wholeEnd;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
