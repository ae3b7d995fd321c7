import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { checksum, NO_BYTES } from "./checksum.ts";
import type { CompactLog, CompactPosition } from "./compact-log.ts";
import { encodeTrailer, GENERATION } from "./trailer.ts";

export interface CompactWriterOptions {
  readonly key: SessionKey;
  readonly store: Pick<LogStore, "append">;
  readonly log: CompactLog;
  /** The block after which to go on. */
  readonly position: CompactPosition;
  /** Where the compact log ends. */
  readonly end: number;
  /** The checksum of everything from `position.start` to `end`. */
  readonly endSum: number;
}

/** Thrown where the bytes of an interrupted compaction differ from those of this one. */
export class ForeignBytesError extends Error {}

/** Bytes that are collected for one append. */
const APPEND_BYTES = 256 * 1024;

/** The position before the first block of a generation that begins at `start`. */
export function generationStart(logId: string, start: number): CompactPosition {
  return {
    logId,
    generation: GENERATION,
    start,
    end: start,
    rawEnd: 0,
    trailerBytes: 0,
    sum: NO_BYTES,
  };
}

/**
 * Appends blocks to a compact log. Bytes that an interrupted compaction has written after the last
 * trailer are compared, by their checksum, and not written again.
 */
export class CompactWriter {
  readonly #options: CompactWriterOptions;
  /** Where the next append goes. */
  #end: number;
  #sum: number;
  /** Bytes still to come that the log has already. */
  #known: number;
  #pending = new Uint8Array(2 * APPEND_BYTES);
  #pendingLength = 0;
  /** The position after the last whole block, whether it is appended or pending. */
  #position: CompactPosition;
  /** Bytes of the block that is not complete yet. */
  #blockLength = 0;

  constructor(options: CompactWriterOptions) {
    this.#options = options;
    this.#position = options.position;
    this.#sum = options.position.sum;
    this.#end = options.end;
    this.#known = options.end - options.position.end;
  }

  /** The position after the last whole block. */
  get position(): CompactPosition {
    return this.#position;
  }

  /** Whether the last block is incomplete. */
  get isInBlock(): boolean {
    return this.#blockLength > 0;
  }

  /** Takes bytes of the block; throws ForeignBytesError if the log has others there. */
  write(bytes: Uint8Array): void {
    this.#blockLength += bytes.length;
    const known = bytes.subarray(0, this.#known);
    this.#sum = checksum(this.#sum, known);
    this.#known -= known.length;
    if (known.length > 0 && this.#known === 0 && this.#sum !== this.#options.endSum)
      throw new ForeignBytesError();
    if (known.length === bytes.length) return;
    const added = bytes.subarray(known.length);
    this.#sum = checksum(this.#sum, added);
    this.#put(added);
  }

  /**
   * Ends the block, which stands for the raw log up to `rawEnd`, unless the compact log would then
   * be larger than the raw log: such a block goes on.
   */
  endBlock(rawEnd: number): void {
    const { logId, generation, start, end, rawEnd: rawStart, trailerBytes } = this.#position;
    const trailer = { logId, generation, start, rawStart, rawEnd, trailerBytes };
    const { line, sum } = encodeTrailer(trailer, this.#sum);
    if (end - start + this.#blockLength + line.length > rawEnd) return;
    if (this.#known > 0) throw new ForeignBytesError();
    this.#put(line);
    this.#sum = sum;
    this.#blockLength = 0;
    this.#position = {
      ...this.#position,
      end: this.#end + this.#pendingLength,
      rawEnd,
      trailerBytes: trailerBytes + line.length,
      sum,
    };
  }

  /** Appends the pending bytes, if they are enough. Throws what the store throws. */
  async flush(): Promise<void> {
    if (this.#pendingLength >= APPEND_BYTES) await this.#append(this.#pendingLength);
  }

  /** Appends the pending bytes of whole blocks. Throws what the store throws. */
  async finish(): Promise<void> {
    const length = this.#position.end - this.#end;
    if (length > 0) await this.#append(length);
  }

  async #append(length: number): Promise<void> {
    const { key, log, store } = this.#options;
    const position = this.#position;
    const { logId } = position;
    const bytes = this.#pending.subarray(0, length);
    this.#end = await store.append(key, bytes, { logId, log: "compact", expectedEnd: this.#end });
    this.#pending.copyWithin(0, length, this.#pendingLength);
    this.#pendingLength -= length;
    if (position.end > position.start) log.advance(position);
  }

  #put(bytes: Uint8Array): void {
    const length = this.#pendingLength + bytes.length;
    if (length > this.#pending.length) {
      const larger = new Uint8Array(Math.max(length, this.#pending.length * 2));
      larger.set(this.#pending.subarray(0, this.#pendingLength));
      this.#pending = larger;
    }
    this.#pending.set(bytes, this.#pendingLength);
    this.#pendingLength = length;
  }
}
