import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import {
  isEdit,
  lengthOf,
  offsetOf,
  RECORD_BYTES,
  TEXT_AT,
  TEXT_BYTES,
} from "../../ports/edits.ts";

export interface OverlayReaderOptions {
  readonly logId: string;
  /** Bytes of the edits log that are to be read. */
  readonly edits: number;
  /** First byte of the raw log that is going to be read. */
  readonly start: number;
  readonly signal?: AbortSignal;
}

const SPACE = 0x20;
/** Records read at once: for a replay from the start, 128 KiB a reader. */
const BUFFER_RECORDS = 3_200;

/** Applies the edits of a log to its bytes, as they are read from front to back. */
export class OverlayReader {
  readonly #reader: ReadableStreamBYOBReader;
  /** Filled with records up to `#length`; passed to the store and returned by it at each read. */
  #records: Uint8Array<ArrayBuffer>;
  #length = 0;
  #at = 0;
  /** Where in the raw log the edit at `#at` begins and ends; infinite after the last one. */
  #offset = 0;
  #end = 0;

  private constructor(reader: ReadableStreamBYOBReader, records: number) {
    this.#reader = reader;
    this.#records = new Uint8Array(Math.min(records, BUFFER_RECORDS) * RECORD_BYTES);
  }

  /** Finds the first edit that touches bytes after `start`. Throws what the store throws. */
  static async open(
    store: Pick<LogReader, "read">,
    key: SessionKey,
    range: OverlayReaderOptions,
  ): Promise<OverlayReader> {
    const { logId, edits: end, signal } = range;
    const start = range.start === 0 ? 0 : await firstAfter(store, key, range);
    const options = { logId, log: "edits", start, end, ...(signal && { signal }) } as const;
    const records = (end - start) / RECORD_BYTES;
    const reader = new OverlayReader(store.read(key, options).getReader({ mode: "byob" }), records);
    await reader.#next();
    return reader;
  }

  /**
   * Applies the edits to `chunk`, whose first byte is at `position`. To be called in the order of
   * positions.
   */
  async apply(chunk: Uint8Array, position: number): Promise<void> {
    const to = position + chunk.length;
    while (this.#offset < to) {
      this.#overwrite(chunk, position);
      if (this.#end > to) return;
      this.#at += RECORD_BYTES;
      // mostly the next one is here already, and an await would cost a turn
      if (!this.#look()) await this.#next();
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  #overwrite(chunk: Uint8Array, position: number): void {
    const from = Math.max(this.#offset, position) - position;
    const to = Math.min(this.#end - position, chunk.length);
    const textAt = this.#at + TEXT_AT;
    let at = from;
    for (let i = position + from - this.#offset; i < TEXT_BYTES && at < to; i++, at++)
      chunk[at] = this.#records[textAt + i]!;
    if (at < to) chunk.fill(SPACE, at, to);
  }

  async #next(): Promise<void> {
    while (!this.#look()) {
      const rest = this.#length - this.#at;
      this.#records.copyWithin(0, this.#at, this.#length);
      const { value, done } = await this.#reader.read(this.#records.subarray(rest));
      if (done) {
        this.#offset = Number.POSITIVE_INFINITY;
        return;
      }
      this.#records = new Uint8Array(value.buffer);
      this.#length = rest + value.length;
      this.#at = 0;
    }
  }

  /** Finds the next edit among the records that are here; marks before it are skipped. */
  #look(): boolean {
    for (; this.#at + RECORD_BYTES <= this.#length; this.#at += RECORD_BYTES) {
      if (!isEdit(this.#records, this.#at)) continue;
      this.#offset = offsetOf(this.#records, this.#at);
      this.#end = this.#offset + lengthOf(this.#records, this.#at);
      return true;
    }
    return false;
  }
}

/** Where the first record begins that ends after `start`, by binary search over single records. */
async function firstAfter(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  range: OverlayReaderOptions,
): Promise<number> {
  let low = 0;
  let high = range.edits / RECORD_BYTES;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const at = middle * RECORD_BYTES;
    const one = { logId: range.logId, start: at, end: at + RECORD_BYTES };
    const record = await readRecords(store, key, one);
    if (offsetOf(record, 0) + lengthOf(record, 0) > range.start) high = middle;
    else low = middle + 1;
  }
  return low * RECORD_BYTES;
}

/** Records of the edits log. */
export async function readRecords(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  range: { readonly logId: string; readonly start: number; readonly end: number },
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.read(key, { ...range, log: "edits" })) pieces.push(piece);
  return concatBytes(pieces);
}
