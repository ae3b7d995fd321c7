import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { SpoolLog, SpoolLogInfo } from "../ports/relay-spool.ts";
import { pause } from "../stream/sync/pause.ts";
import { endsWithFrame, FrameStamper, readStampedId } from "./frame-stamper.ts";
import { eachBatch } from "./read-ahead.ts";
import { RecordingReader } from "./recording-reader.ts";
import { hasRunEnded } from "./run-end.ts";
import type { RoomTenant, SpoolRoom, Urgency } from "./spool-room.ts";

export interface RecordingContext {
  readonly room: SpoolRoom;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn" | "error">;
}

/** How a recorded stream ended. */
export type RecordedEnd = "ended" | "broken";

/** Longer than any id that a stamper makes, with its line. */
const TAIL_BYTES = 64;
/** What a log takes beside its bytes, on a disk and in memory: without it any number of small ones would fit. */
const LOG_BYTES = 16 * 1024;
/** How long a spool that failed is left alone before the same is tried again. */
const RETRY_MS = 1_000;
const READ_BYTES = 64 * 1024;
const NOTHING = { start: 0, bytes: new Uint8Array(0) };

const LF = 0x0a;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * An event stream of the agent, spooled with an id in each frame, and whoever reads it. It is recorded
 * whether somebody reads or not, as long as the spool has room; then the agent is not read.
 */
export class Recording implements RoomTenant {
  readonly #log: SpoolLog;
  readonly #context: RecordingContext;
  readonly #stamper: FrameStamper;
  readonly #readers = new Set<RecordingReader>();
  readonly #removal = new AbortController();
  /** What was appended last: who reads on at the end need not ask the spool. */
  #latest: { readonly start: number; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;
  #acknowledged = 0;
  /** Room that was taken for what is not in the log yet. */
  #reserved = 0;
  #isDelivered = false;
  #isPaused = false;

  /** `log` ends with a whole frame, or was ended. */
  constructor(log: SpoolLog, context: RecordingContext) {
    this.#log = log;
    this.#context = context;
    this.#stamper = new FrameStamper(log.info.tag, log.end);
    context.room.enter(this, LOG_BYTES + log.end - log.start);
  }

  /** A recording of a log that an earlier process has left: its last frame is ended. */
  static async recover(log: SpoolLog, context: RecordingContext): Promise<Recording> {
    const from = Math.max(log.start, log.end - TAIL_BYTES);
    const tail = from < log.end ? await log.read(from, TAIL_BYTES) : new Uint8Array(0);
    const { tag } = log.info;
    if (
      log.endedAtMs === null &&
      log.end > 0 &&
      !endsWithFrame(decoder.decode(tail), tag, log.end)
    ) {
      if (tail.at(-1) !== LF) await log.append(Uint8Array.of(LF));
      // whatever the frame holds, one more comment changes nothing
      await log.append(new FrameStamper(tag, log.end).push(encoder.encode(":\n\n")));
    }
    return new Recording(log, context);
  }

  get info(): SpoolLogInfo {
    return this.#log.info;
  }

  get start(): number {
    return this.#log.start;
  }

  get end(): number {
    return this.#log.end;
  }

  get endedAtMs(): number | null {
    return this.#log.endedAtMs;
  }

  /** Whether nothing comes any more, for now at least. */
  get isOver(): boolean {
    return this.#isPaused || this.endedAtMs !== null;
  }

  get isRemoved(): boolean {
    return this.#removal.signal.aborted;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Whether the end of the log is that of a frame. */
  get isAtFrameEnd(): boolean {
    return this.endedAtMs !== null || this.#stamper.frameEnd === this.end;
  }

  /** Records a stream to its end. `signal` breaks it off. Rejects only when the recording is removed. */
  async record(body: ReadableStream<Uint8Array> | null, signal: AbortSignal): Promise<RecordedEnd> {
    const stop = AbortSignal.any([signal, this.#removal.signal]);
    let how: RecordedEnd = "ended";
    this.#isPaused = false;
    try {
      if (body) for await (const bytes of eachBatch(body, stop)) await this.#put(bytes, stop);
    } catch {
      how = "broken";
    }
    this.#removal.signal.throwIfAborted();
    await this.#append(this.#stamper.finish());
    return how;
  }

  /** Ends a run whose stream broke off: by an event that says so, unless the run had ended before. */
  async endBroken(event: Readonly<Record<string, unknown>>): Promise<void> {
    if (!(await hasRunEnded(this.#log)))
      await this.#append(this.#stamper.push(encoder.encode(`data: ${JSON.stringify(event)}\n\n`)));
    await this.markEnded();
  }

  /** Nothing more comes: readers get the end. */
  async markEnded(): Promise<void> {
    const nowMs = this.#context.clock.now();
    await this.#persist(() => this.#log.markEnded(nowMs));
    this.#latest = null;
    this.#wakeAll();
  }

  /** Nothing comes for now: readers who have read all get the end. The next `record` goes on. */
  pauseReaders(): void {
    this.#isPaused = true;
    this.#wakeAll();
  }

  /**
   * Where to read on after the frame with this id; the start of the log for null. Null where that is
   * not known, or is no longer there.
   */
  async offsetAfter(id: string | null): Promise<number | null> {
    if (id === null) return this.start === 0 ? 0 : null;
    const place = readStampedId(id, this.info.tag);
    if (!place) return null;
    const { offset, text } = place;
    const after = offset + text.length;
    if (after < this.start || after > this.end) return null;
    // the line itself may be gone where what follows it is not
    if (offset < this.start) return after;
    const found = await this.#log.read(offset, text.length);
    return decoder.decode(found) === text ? after : null;
  }

  /** A reader from an offset that `offsetAfter` gave, or from the start of the log. */
  read(offset: number): RecordingReader {
    const reader: RecordingReader = new RecordingReader(this, offset, {
      onMoved: () => this.#context.room.poke(),
      onClosed: () => {
        this.#isDelivered ||= reader.hasReadAll;
        this.#readers.delete(reader);
        this.#context.room.poke();
      },
    });
    this.#readers.add(reader);
    return reader;
  }

  /** Bytes from `offset` on, at least one. */
  async bytesAt(offset: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, bytes } = this.#latest ?? NOTHING;
    if (start <= offset && offset < start + bytes.length) return bytes.subarray(offset - start);
    return this.#log.read(offset, READ_BYTES);
  }

  /** What lies before `offset` is stored elsewhere. It is dropped when room is needed. */
  acknowledge(offset: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, offset);
    this.#context.room.poke();
  }

  async release(urgency: Urgency, keptBytes: number): Promise<number> {
    if (this.isRemoved) return 0;
    if (urgency === "acknowledged") return this.#drop(this.#acknowledged);
    if (urgency === "passed") return this.#drop(this.#passed() - keptBytes);
    const isForgotten = this.#isDelivered && this.endedAtMs !== null && this.#readers.size === 0;
    if (!isForgotten) return 0;
    const held = LOG_BYTES + this.end - this.start;
    await this.remove();
    return held;
  }

  /** Removes it for good; who records or reads is broken off. */
  async remove(): Promise<void> {
    if (this.isRemoved) return;
    this.#removal.abort(new Error("the recording was removed"));
    this.#wakeAll();
    const held = LOG_BYTES + this.end - this.start + this.#reserved;
    await this.#log.remove().catch((error: unknown) => {
      this.#context.logger.error("spool-remove-failed", { error });
    });
    // what is being written now is of this recording as well
    this.#context.room.leave(this, held);
  }

  /** Up to where everybody who reads has taken the bytes. */
  #passed(): number {
    const taken = [...this.#readers].map((reader) => reader.taken);
    return taken.length === 0 ? 0 : Math.min(...taken);
  }

  async #drop(before: number): Promise<number> {
    // nobody's place is dropped under a reader
    const bound = Math.min(before, ...[...this.#readers].map((reader) => reader.taken));
    const { start } = this;
    if (bound <= start) return 0;
    try {
      await this.#log.drop(bound);
    } catch (error) {
      this.#context.logger.error("spool-drop-failed", { error });
    }
    const freed = this.start - start;
    if (freed > 0) this.#context.room.release(freed);
    return freed;
  }

  async #put(chunk: Uint8Array, signal: AbortSignal): Promise<void> {
    const bytes = this.#stamper.push(chunk);
    if (bytes.length === 0) return;
    try {
      await this.#context.room.take(bytes.length, signal);
    } catch {
      this.#removal.signal.throwIfAborted();
      // what was stamped has to come into the log, or the ids of all that follows are wrong
      this.#context.room.force(bytes.length);
    }
    await this.#write(bytes);
    signal.throwIfAborted();
  }

  /** The few bytes that end a frame or a stream find room in any case. */
  async #append(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (bytes.length === 0) return;
    this.#context.room.force(bytes.length);
    await this.#write(bytes);
  }

  /** Appends what room was taken for. */
  async #write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const start = this.end;
    this.#reserved = bytes.length;
    await this.#persist(() => this.#log.append(bytes));
    this.#reserved = 0;
    this.#latest = this.#readers.size > 0 ? { start, bytes } : null;
    this.#wakeAll();
  }

  /** Tries until the spool takes it: meanwhile the agent is not read, as if the spool were full. */
  async #persist(write: () => Promise<void>): Promise<void> {
    const { signal } = this.#removal;
    for (let failures = 0; ; failures++) {
      try {
        await write();
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (failures === 0) this.#context.logger.error("spool-write-failed", { error });
        await pause(RETRY_MS, this.#context.clock, signal);
        signal.throwIfAborted();
      }
    }
  }

  #wakeAll(): void {
    for (const reader of this.#readers) reader.wake();
  }
}
