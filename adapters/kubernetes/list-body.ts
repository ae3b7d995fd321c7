import { RunlogError } from "../../src/ports/errors.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";

/** What surrounds the items of a list. */
export interface ListFrame {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const MAX_FRAME_CHARS = 1024 * 1024;
/** Twice what a store of the API server takes. */
const MAX_ITEM_BYTES = 4 * 1024 * 1024;
/** Depth at which the items lie: in the array in the list. */
const ITEM_DEPTH = 2;
/** How far back the name of an array is looked for. */
const KEY_CHARS = 64;

/**
 * Takes the JSON of a list apart while it arrives, so that never more than one item is held: hands each
 * element of the top-level `items` to `take`, and resolves with what is around them. Rejects with
 * `platform-failed` if the body breaks off or is not a list.
 */
export async function readListBody(
  body: AsyncIterable<Uint8Array>,
  take: (item: Uint8Array) => void,
): Promise<ListFrame> {
  const splitter = new ListSplitter(take);
  for await (const chunk of body) splitter.push(chunk);
  return splitter.end();
}

class ListSplitter {
  readonly #take: (item: Uint8Array) => void;
  readonly #decoder = new TextDecoder();
  #frame = "";
  #item: Uint8Array[] = [];
  #itemBytes = 0;
  #depth = 0;
  #isInItems = false;
  #isInString = false;
  #isEscaped = false;

  constructor(take: (item: Uint8Array) => void) {
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isInString = false;
      } else if (byte === QUOTE) {
        this.#isInString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (this.#isInItems && this.#depth === ITEM_DEPTH) from = at;
        this.#depth++;
        if (this.#isInItems || this.#depth !== ITEM_DEPTH || byte !== OPEN_BRACKET) continue;
        if (!this.#isItems(chunk, from, at)) continue;
        this.#keepFrame(chunk.subarray(from, at + 1));
        this.#isInItems = true;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth--;
        if (!this.#isInItems) continue;
        if (this.#depth === ITEM_DEPTH) this.#endItem(chunk.subarray(from, at + 1));
        else if (this.#depth < ITEM_DEPTH) {
          this.#isInItems = false;
          from = at;
        }
      }
    }
    if (!this.#isInItems) this.#keepFrame(chunk.subarray(from));
    else if (this.#depth > ITEM_DEPTH) this.#keepItem(chunk.subarray(from));
  }

  end(): ListFrame {
    try {
      const frame: ListFrame = JSON.parse(this.#frame + this.#decoder.decode());
      return frame;
    } catch (cause) {
      throw new RunlogError("platform-failed", "The API server's list broke off", { cause });
    }
  }

  /** Whether the array that begins at `at` is the one of the items, by the name before it. */
  #isItems(chunk: Uint8Array, from: number, at: number): boolean {
    const near = chunk.subarray(Math.max(from, at - KEY_CHARS), at);
    const text = this.#frame.slice(-KEY_CHARS) + String.fromCharCode(...near);
    return /"items"\s*:\s*$/.test(text);
  }

  #keepFrame(bytes: Uint8Array): void {
    this.#frame += this.#decoder.decode(bytes, { stream: true });
    if (this.#frame.length > MAX_FRAME_CHARS)
      throw new RunlogError("platform-failed", "The API server's answer is no list");
  }

  #keepItem(bytes: Uint8Array): void {
    this.#item.push(bytes);
    this.#itemBytes += bytes.length;
    if (this.#itemBytes > MAX_ITEM_BYTES)
      throw new RunlogError("platform-failed", "The API server lists a resource that is too large");
  }

  #endItem(last: Uint8Array): void {
    this.#keepItem(last);
    const item = this.#item.length === 1 ? last : concatBytes(this.#item);
    this.#item = [];
    this.#itemBytes = 0;
    this.#take(item);
  }
}
