import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import { refusalOf } from "../../src/ports/log-notes.ts";
import type { AppendNote } from "../../src/ports/log-store.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";
import { appendedKey, type Segment } from "./keys.ts";
import { putTag } from "./merger.ts";
import type { PutOnce } from "./put-once.ts";
import { MAX_KEYS_A_PUT, type SessionNotes } from "./session-notes.ts";

export interface LogWriterOptions {
  readonly clock: Clock;
  /** How long in ms an append waits for others to travel with it. */
  readonly batchMs: number;
  /** Bytes that are enough for a put. */
  readonly batchBytes: number;
  /** The key folder of the log. */
  readonly folder: string;
  readonly end: number;
  /** Begins the tags of this writer's puts, each of which has another one. */
  readonly writer: string;
  /** Whether a dead writer may still find its next place free (`Lease.unfenced`). */
  readonly isUnfenced: boolean;
  /**
   * Puts a batch; rejects unless its bytes are in the log. `unfencedAt` is where it begins in a log that is not fenced, else null: a writer that is
   * taken for dead may have gone on, and what it put there may have been merged and deleted since.
   */
  readonly put: (put: PutOnce, unfencedAt: number | null) => Promise<void>;
  /** The notes of the log's appends; null: no append has any. */
  readonly notes: SessionNotes | null;
  /**
   * Called for every segment that was put. `durable`: an append asked for it, as at a run's end.
   */
  readonly onPut: (segment: Segment, tag: string, durable: boolean) => void;
}

interface Pending {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
  readonly durable: boolean;
  readonly note: AppendNote | null;
  /** The key of a note that is dropped: then nothing is appended. */
  readonly drop: string | null;
  readonly resolve: (end: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The one writer of one log in this process. Appends wait until there are enough of them or the
 * first has waited long enough, are put in one object, and resolve when the put has been answered;
 * one put is under way at a time, so that slow puts delay the appends that wait. A batch that fails
 * makes those chained after it fail.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  #end: number;
  /** Where the next append has to begin: after all that wait. */
  #nextEnd: number;
  #queue: Pending[] = [];
  #queuedBytes = 0;
  #puts = 0;
  #putting: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  #isDue = false;
  #stopped: RunlogError | null = null;
  #isUnfenced: boolean;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#isUnfenced = options.isUnfenced;
    this.#end = options.end;
    this.#nextEnd = options.end;
  }

  /** The accepted end. */
  get end(): number {
    return this.#end;
  }

  /** Whether a dead writer may still find its next place free: nothing was put here yet. */
  get isUnfenced(): boolean {
    return this.#isUnfenced;
  }

  get isBusy(): boolean {
    return this.#putting !== null || this.#queue.length > 0;
  }

  append(
    pieces: readonly Uint8Array[],
    expectedEnd: number,
    { durable, note }: { readonly durable: boolean; readonly note: AppendNote | null },
  ): Promise<number> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (expectedEnd !== this.#nextEnd) return Promise.reject(fenced(this.#end));
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const refusal = note && refusalOf(note, bytes, this.#options.notes?.notes ?? null);
    if (refusal) return Promise.reject(refusal);
    if (bytes === 0 && !this.isBusy) return Promise.resolve(this.#end);
    this.#nextEnd += bytes;
    return this.#enqueue({ pieces, bytes, durable, note, drop: null });
  }

  /** Drops a note, after the appends that wait. */
  dropNote(key: string): Promise<number> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    return this.#enqueue({ pieces: [], bytes: 0, durable: true, note: null, drop: key });
  }

  #enqueue(pending: Omit<Pending, "resolve" | "reject">): Promise<number> {
    this.#queuedBytes += pending.bytes;
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...pending, resolve, reject });
      this.#schedule(pending.durable);
    });
  }

  /** Refuses every later append with `error`, and those that wait as well; resolves at rest. */
  async stop(error: RunlogError): Promise<void> {
    this.#stopped = error;
    this.#fail(this.#takeAll(), error);
    while (this.#putting) await this.#putting;
  }

  /** Refuses later appends and puts what waits. */
  async finish(error: RunlogError): Promise<void> {
    this.#stopped = error;
    this.#isDue = true;
    this.#putNext();
    while (this.#putting) await this.#putting;
  }

  #schedule(durable: boolean): void {
    const { batchBytes, batchMs, clock } = this.#options;
    if (durable || this.#queuedBytes >= batchBytes) this.#isDue = true;
    if (this.#isDue) this.#putNext();
    else
      this.#cancelTimer ??= clock.after(batchMs, () => {
        this.#isDue = true;
        this.#putNext();
      });
  }

  #putNext(): void {
    if (this.#putting || !this.#isDue || this.#queue.length === 0) return;
    // begins a moment later: what is appended in the same step travels along
    this.#putting = Promise.resolve()
      .then(() => this.#put())
      .finally(() => {
        this.#putting = null;
        this.#putNext();
      });
  }

  async #put(): Promise<void> {
    const batch = this.#takeBatch();
    const bytes = batch.reduce((sum, pending) => sum + pending.bytes, 0);
    const start = this.#end;
    const [first] = batch;
    if (first && first.drop !== null) {
      const dropped = this.#options.notes?.drop(first.drop) ?? Promise.resolve();
      return dropped.then(() => first.resolve(start), first.reject);
    }
    try {
      if (bytes > 0) {
        const { folder, notes: logNotes, put, writer } = this.#options;
        const added = notesOf(batch, start);
        const notes = (await logNotes?.metadataWith(added)) ?? "";
        const key = appendedKey(folder, start);
        const body = concatBytes(batch.flatMap(({ pieces }) => pieces));
        const tag = putTag(writer, this.#puts++, this.#isUnfenced);
        const unfencedAt = this.#isUnfenced ? start : null;
        await put({ key, bytes: body, tag, ...(notes && { notes }) }, unfencedAt);
        this.#isUnfenced = false;
        this.#end = start + bytes;
        logNotes?.accept(added);
        const durable = batch.some((pending) => pending.durable);
        this.#options.onPut({ key, start, end: this.#end, merged: false }, tag, durable);
      }
    } catch (error) {
      const behind = this.#takeAll();
      this.#nextEnd = this.#end;
      this.#fail(batch, error);
      this.#fail(behind, fenced(this.#end));
      return;
    }
    let end = start;
    for (const pending of batch) pending.resolve((end += pending.bytes));
  }

  /** As many as make a batch, one at least. */
  #takeBatch(): Pending[] {
    const batch: Pending[] = [];
    const noted = new Set<string>();
    let bytes = 0;
    while (this.#queue.length > 0 && bytes < this.#options.batchBytes) {
      const [next] = this.#queue;
      if (next?.note) noted.add(next.note.key);
      if (batch.length > 0 && (next?.drop !== null || noted.size > MAX_KEYS_A_PUT)) break;
      batch.push(this.#queue.shift()!);
      bytes += next?.bytes ?? 0;
      if (next?.drop !== null) break;
    }
    this.#queuedBytes -= bytes;
    // what comes while these travel waits for others again
    if (this.#queue.length === 0) this.#settleDown();
    return batch;
  }

  #takeAll(): Pending[] {
    const all = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#settleDown();
    return all;
  }

  #settleDown(): void {
    this.#isDue = false;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #fail(appends: readonly Pending[], error: unknown): void {
    for (const { reject } of appends) reject(error);
  }
}

/** The notes of appends that are put together from `start` on. */
function notesOf(batch: readonly Pending[], start: number): (AppendNote & { end: number })[] {
  let end = start;
  return batch.flatMap(({ bytes, note }) => {
    end += bytes;
    return note ? [{ ...note, end }] : [];
  });
}

function fenced(end: number): RunlogError {
  return new RunlogError("log-fenced", "Another writer has the log", { end });
}
