import type { ByteRange } from "../model/byte-range.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { EventLine } from "./event-line.ts";
import { OWN_STARTS } from "../model/server-events.ts";
import { type Emit, OpenItems } from "./open-items.ts";
import { RepeatedSnapshots } from "./repeated-snapshots.ts";
import type { SeenIds } from "./seen-ids.ts";
import { StateFold } from "./state-fold.ts";

/** Longest line that is parsed, in bytes. A longer one is passed on in pieces, as an odd one. */
const MAX_LINE_BYTES = 512 * 1024;
/** Items whose deltas are merged at the same time. */
const OPEN_ITEMS = 16;

const LF = 10;
const QUOTE = 0x22;
const STARTS = OWN_STARTS.map((start) => new TextEncoder().encode(start));

/**
 * Compacts a span of a raw log, in order: adjacent deltas of an item become one, state changes
 * after a snapshot become one snapshot, and snapshots of messages that say nothing new are left out.
 * Everything else stays where and as it is, byte for byte. A client that is sent the result ends with
 * the same messages and the same state.
 *
 * The output depends on nothing but the input bytes and the ids before them. Memory is bounded: some megabytes at most,
 * whatever the events are. Bytes are pushed in chunks that break anywhere.
 */
export class BlockCompactor {
  readonly #emit: Emit;
  readonly #line = new EventLine();
  readonly #scanner = new JsonObjectScanner([]);
  readonly #items: OpenItems;
  /** Chunks may begin and end items, so only neighbours are merged. */
  readonly #chunks: OpenItems;
  readonly #state = new StateFold();
  /** The beginning of a line that goes on in the next chunk. */
  #carried = new Uint8Array(16 * 1024);
  #carriedLength = 0;
  /** Whether the line that goes on is a long one, of which everything so far has been passed on. */
  #isLong = false;
  readonly #snapshots: RepeatedSnapshots;

  /** @param seen the ids that the log has named before the span; those of the span are added. */
  constructor(emit: Emit, seen: SeenIds) {
    this.#snapshots = new RepeatedSnapshots(emit, seen);
    this.#emit = this.#snapshots.push;
    this.#items = new OpenItems(OPEN_ITEMS, this.#emit);
    this.#chunks = new OpenItems(1, this.#emit);
  }

  /** Takes the next bytes; may hold its output back until later ones. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    let from = 0;
    while (from < chunk.length) {
      const lf = chunk.indexOf(LF, from);
      if (lf === -1) return this.#carry(chunk.subarray(from));
      this.#endLine(chunk, from, lf);
      from = lf + 1;
    }
  }

  /**
   * Ends the span, after a whole line, and emits what was held back. Another span may begin after
   * it.
   */
  finish(): void {
    this.#flushAll();
    this.#snapshots.finish();
  }

  #endLine(chunk: Uint8Array<ArrayBuffer>, from: number, lf: number): void {
    if (this.#isLong) {
      this.#isLong = false;
      this.#emit(chunk.subarray(from, lf + 1));
    } else if (this.#carriedLength === 0 && lf - from < MAX_LINE_BYTES) this.#take(chunk, from, lf);
    else {
      this.#carry(chunk.subarray(from, lf + 1));
      const length = this.#carriedLength;
      this.#carriedLength = 0;
      // it may have become too long just now
      if (this.#isLong) this.#isLong = false;
      else this.#take(this.#carried, 0, length - 1);
    }
  }

  #carry(part: Uint8Array): void {
    const length = this.#carriedLength + part.length;
    if (this.#isLong) this.#emit(part);
    else if (length > MAX_LINE_BYTES) {
      this.#flushAll();
      this.#emit(this.#carried.subarray(0, this.#carriedLength));
      this.#emit(part);
      this.#carriedLength = 0;
      this.#isLong = true;
    } else {
      if (length > this.#carried.length) {
        const larger = new Uint8Array(Math.max(length, this.#carried.length * 2));
        larger.set(this.#carried.subarray(0, this.#carriedLength));
        this.#carried = larger;
      }
      this.#carried.set(part, this.#carriedLength);
      this.#carriedLength = length;
    }
  }

  /** One whole line, from `start` up to its LF at `end`. */
  #take(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): void {
    if (this.#items.takeLike(bytes, start, end) || this.#chunks.takeLike(bytes, start, end)) return;
    const line = this.#line;
    const kind = line.read(bytes, start, end);
    const text = kind === "delta" || kind === "chunk" ? this.#textOf(line) : null;
    if (kind !== "chunk") this.#chunks.flush();
    switch (kind) {
      case "delta":
        if (text && line.id !== "") return this.#items.take(line, text);
        this.#items.flush();
        break;
      case "chunk":
        this.#items.flush();
        // items that chunks began end where state is sent, so state must not move across a chunk
        this.#flushState();
        if (text) return this.#chunks.take(line, text);
        this.#chunks.flush();
        break;
      case "snapshot":
      case "patch":
        if (this.#state.take(line, kind)) return;
        this.#flushState();
        break;
      case "other":
        this.#items.flush();
        // it may say what the state is from here on, or of the next line that it does not
        if (isOwn(bytes, start, end)) this.#flushState();
        break;
      case "boundary":
      case "odd":
        this.#flushAll();
        break;
    }
    this.#emit(bytes.subarray(start, end + 1));
  }

  /** Where the line's text is; null if it has none, or is not whole and valid. */
  #textOf({ bytes, start, end, body }: EventLine): ByteRange | null {
    if (!body || bytes[body.start] !== QUOTE) return null;
    this.#scanner.reset();
    return this.#scanner.push(bytes, start, end) && this.#scanner.end() ? body : null;
  }

  #flushState(): void {
    for (const piece of this.#state.flush()) this.#emit(piece);
  }

  #flushAll(): void {
    this.#chunks.flush();
    this.#items.flush();
    this.#flushState();
  }
}

/** Whether the line is one of those with which runlog says what a run was posted with, or was not. */
function isOwn(bytes: Uint8Array, start: number, end: number): boolean {
  return STARTS.some(
    (own) => end - start >= own.length && own.every((byte, index) => bytes[start + index] === byte),
  );
}
