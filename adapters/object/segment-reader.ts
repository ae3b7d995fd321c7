import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import { appendedKey, type Segment } from "./keys.ts";
import type { BucketAccess } from "./log-end.ts";
import { planRead } from "./plan.ts";
import { cutShort } from "./read-whole.ts";

export interface SegmentReaderOptions {
  readonly access: Pick<BucketAccess, "bucket" | "retry">;
  readonly folder: string;
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal | undefined;
}

type Body = ReadableStreamDefaultReader<Uint8Array>;

interface Opened {
  readonly segment: Segment;
  /** Null: the object has gone. */
  readonly body: Promise<Body | null>;
}

/** Segments that are asked for before their turn: what they cost is mostly the way there and back. */
const AHEAD = 2;
/** Small ones are more, up to so many bytes. */
const SMALL_AHEAD = 8;
const SMALL_AHEAD_BYTES = 256 * 1024;
/** A range of so many bytes at most may be what one put appended. */
const MAX_GUESSED_BYTES = 1024 * 1024;
/** Plans in a row that lead nowhere: what is listed and never there is no merge under way. */
const MAX_PLANS = 8;

/** Reads a range of a log across its segments, in order, past whatever breaks on the way. */
export class SegmentReader {
  readonly #options: SegmentReaderOptions;
  #position: number;
  #plan: Segment[] = [];
  #opened: Opened[] = [];
  /** What came from the network and was not handed out yet. */
  #rest: Uint8Array = new Uint8Array(0);
  /** Whether the segment that begins at the position may be asked for by the key that an append gives it. */
  #mayGuess: boolean;
  #plansInVain = 0;
  #failures = 0;
  #failingUntilMs = Number.POSITIVE_INFINITY;

  constructor(options: SegmentReaderOptions) {
    this.#options = options;
    this.#position = options.start;
    this.#mayGuess = options.end - options.start <= MAX_GUESSED_BYTES;
  }

  /**
   * Whether one append has put all of the range, which is asked for by its key: such a range needs no listing to be
   * known as a part of the log. To be called before anything is read.
   */
  async isOneAppend(): Promise<boolean> {
    if (!this.#mayGuess || this.isDone) return false;
    const guessed = await this.#guess();
    if (guessed) this.#opened.push(guessed);
    return guessed !== null && guessed.segment.end >= this.#options.end;
  }

  get isDone(): boolean {
    return this.#position === this.#options.end;
  }

  /** The next bytes, at most `most`, or null at the end. They are valid until the next call. */
  async read(most: number): Promise<Uint8Array | null> {
    while (!this.isDone) {
      if (this.#rest.length > 0) return this.#handOut(most);
      try {
        await this.#receive();
        this.#failures = 0;
      } catch (error) {
        await this.#comeBack(error);
      }
    }
    this.close();
    return null;
  }

  /** Lets all connections go. */
  close(): void {
    for (const { body } of this.#opened)
      body
        .then((reader) => reader?.cancel())
        .catch(() => {
          // it broke before it was released
        });
    this.#opened = [];
    this.#plan = [];
  }

  #handOut(most: number): Uint8Array {
    const length = Math.min(most, this.#rest.length, this.#options.end - this.#position);
    const chunk = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#position += length;
    this.#plansInVain = 0;
    return chunk;
  }

  async #receive(): Promise<void> {
    const { access, signal } = this.#options;
    const current = await this.#current();
    const body = await current.body;
    if (body === null) return this.#startOver();
    const { done, value } = await access.retry.within(body.read(), signal);
    if (value) this.#rest = value;
    if (!done) return;
    this.#opened.shift();
    if (this.#position < Math.min(current.segment.end, this.#options.end)) throw cutShort();
  }

  /** The segment at the position, asked for, and the next ones as well. */
  async #current(): Promise<Opened> {
    const { access, folder, end } = this.#options;
    while (this.#opened[0] && this.#opened[0].segment.end <= this.#position) this.#opened.shift();
    if (this.#opened.length === 0 && this.#plan.length === 0) {
      const guessed = this.#mayGuess ? await this.#guess() : null;
      if (guessed) this.#opened.push(guessed);
    }
    if (this.#opened.length === 0 && this.#plan.length === 0) {
      if (this.#plansInVain++ === MAX_PLANS)
        throw new RunlogError("log-not-found", "There is no such log");
      this.#plan = await planRead(access, folder, this.#position, end);
    }
    while (this.#plan.length > 0 && this.#mayOpen()) this.#open(this.#plan.shift()!);
    return this.#opened[0]!;
  }

  /**
   * What a viewer that follows the log reads is what the last put appended: it need not be listed to be
   * found. Null if no append begins here, or if that cannot be told.
   */
  async #guess(): Promise<Opened | null> {
    const { access, folder, end, signal } = this.#options;
    const start = this.#position;
    const key = appendedKey(folder, start);
    this.#mayGuess = false;
    try {
      const found = await access.retry.until(
        (ends) => access.bucket.get(key, { end: end - start, signal: ends }),
        { signal },
      );
      if (!found) return null;
      const segment = { key, start, end: start + found.size, merged: false };
      return { segment, body: Promise.resolve(found.bytes.getReader()) };
    } catch {
      // such as a range of an object without bytes, which closes the log: a plan finds out
      return null;
    }
  }

  #mayOpen(): boolean {
    const [current, ...ahead] = this.#opened;
    if (current === undefined || ahead.length < AHEAD) return true;
    const bytes = ahead.at(-1)!.segment.end - current.segment.end;
    return ahead.length < SMALL_AHEAD && bytes < SMALL_AHEAD_BYTES;
  }

  #open(segment: Segment): void {
    const { access, end, signal } = this.#options;
    const before = this.#opened.at(-1)?.segment.end ?? this.#position;
    const start = Math.max(before, this.#position) - segment.start;
    const range = { start, end: Math.min(segment.end, end) - segment.start };
    const body = access.retry.until(
      async (ends) => {
        const found = await access.bucket.get(segment.key, { ...range, signal: ends });
        return found && found.bytes.getReader();
      },
      { signal },
    );
    body.catch(() => {
      // reported when its turn comes
    });
    this.#opened.push({ segment, body });
  }

  /** What was planned is not there any more: merged meanwhile, or deleted. */
  #startOver(): void {
    this.close();
  }

  /** After a broken body: the rest of it is asked for anew. */
  async #comeBack(error: unknown): Promise<void> {
    const { retry } = this.#options.access;
    if (!hasCode(error, "store-busy", "store-unanswered")) throw error;
    if (this.#failures === 0) this.#failingUntilMs = retry.deadline();
    else if (retry.isOver(this.#failingUntilMs)) throw error;
    this.close();
    await retry.pause(this.#failures++, this.#options.signal);
  }
}
