import type { ByteRange } from "../model/byte-range.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { members } from "../../stream/json/json-walk.ts";
import { spliceBytes } from "../../stream/json/splice.ts";
import { sameBytes } from "../../stream/bytes/string-cache.ts";
import type { EventLine } from "./event-line.ts";
import { LineTemplate } from "./line-template.ts";

/** Most bytes of text that one merged delta holds. */
const MAX_DELTA_BYTES = 64 * 1024;

const LF = Uint8Array.of(10);
const CLOSE_BRACE = 0x7d;
const BACKSLASH = 0x5c;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Takes compacted bytes, which are valid during the call. */
export type Emit = (bytes: Uint8Array) => void;

/** The merged deltas of one item: the first event, with a text that grows. */
class MergedDelta {
  /** The first event up to the end of its text, and the rest of it. */
  readonly #tail: Uint8Array<ArrayBuffer>;
  #head: Uint8Array<ArrayBuffer>;
  #length: number;
  readonly #bodyStart: number;
  readonly #invariantMembers: Uint8Array<ArrayBuffer>;
  readonly #template: LineTemplate;
  /** The first event's metadata as bytes, and as members once other metadata was merged. */
  readonly #metadata: Uint8Array<ArrayBuffer> | null;
  #metadataBytes: number;
  #members: Map<string, string> | null = null;

  constructor(line: EventLine, body: ByteRange) {
    const { bytes, start, end, metadata } = line;
    // up to the closing quote, and from it on
    this.#length = body.end - 1 - start;
    this.#head = new Uint8Array(Math.max(1024, this.#length * 2));
    this.#head.set(bytes.subarray(start, body.end - 1));
    this.#bodyStart = body.start + 1 - start;
    this.#tail = bytes.slice(body.end - 1, end);
    this.#template = new LineTemplate(line, body);
    this.#metadata = metadata && bytes.slice(metadata.start, metadata.end);
    this.#metadataBytes = this.#metadata?.length ?? 0;
    const invariantMembers: Uint8Array<ArrayBuffer>[] = [];
    line.invariantMembers((from, to) => {
      invariantMembers.push(bytes.subarray(from, to));
      return true;
    });
    this.#invariantMembers = concatBytes(invariantMembers).slice();
  }

  /**
   * Merges the text of an event that has the same other members, if there is room. False if it was
   * not merged.
   */
  take(line: EventLine, body: ByteRange): boolean {
    if (!this.#fits(body.end - body.start - 2)) return false;
    if (!this.#isLike(line) || !this.#mergeMetadata(line)) return false;
    this.#add(line.bytes, body.start + 1, body.end - 1);
    return true;
  }

  /** As `take`, for a line that was not parsed, if it matches the first one. */
  takeLike(bytes: Uint8Array, start: number, end: number): boolean {
    const template = this.#template;
    // merged metadata would have to be merged again
    if (this.#members !== null || !template.matches(bytes, start, end)) return false;
    const { textStart, textEnd } = template;
    if (!this.#fits(textEnd - textStart)) return false;
    this.#add(bytes, textStart, textEnd);
    return true;
  }

  emit(emit: Emit): void {
    const head = this.#head.subarray(0, this.#length);
    if (this.#members === null) {
      emit(head);
      emit(this.#tail);
    } else {
      const line = concatBytes([head, this.#tail]);
      for (const piece of this.#withMetadata(line, this.#members)) emit(piece);
    }
    emit(LF);
  }

  #isLike(line: EventLine): boolean {
    const invariantMembers = this.#invariantMembers;
    let at = 0;
    const isSame = line.invariantMembers((from, to) => {
      if (at + to - from > invariantMembers.length) return false;
      for (let index = from; index < to; index++)
        if (line.bytes[index] !== invariantMembers[at++]) return false;
      return true;
    });
    return isSame && at === invariantMembers.length;
  }

  #fits(added: number): boolean {
    return this.#length - this.#bodyStart + added <= MAX_DELTA_BYTES;
  }

  #add(bytes: Uint8Array, from: number, to: number): void {
    this.#grow(this.#length + to - from);
    // a native copy costs more than it saves for the few bytes of a delta
    if (to - from > 64) this.#head.set(bytes.subarray(from, to), this.#length);
    else for (let at = from; at < to; at++) this.#head[this.#length + at - from] = bytes[at]!;
    this.#length += to - from;
  }

  #grow(needed: number): void {
    if (needed <= this.#head.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#head.length * 2));
    larger.set(this.#head.subarray(0, this.#length));
    this.#head = larger;
  }

  /** Merges metadata by its members' names, the later one winning. False if that is not plain. */
  #mergeMetadata({ bytes, metadata }: EventLine): boolean {
    if (!metadata) return true;
    const { start, end } = metadata;
    const first = this.#metadata;
    if (this.#members === null && first && sameBytes(first, bytes, start, end)) return true;
    this.#metadataBytes += end - start;
    // a name may be spelt in several ways with escapes, and then is not the same as bytes
    const isPlain = !bytes.subarray(start, end).includes(BACKSLASH);
    if (!isPlain || first?.includes(BACKSLASH)) return false;
    if (this.#metadataBytes > MAX_DELTA_BYTES) return false;
    if (this.#members === null) {
      this.#members = new Map();
      if (first) putMembers(this.#members, first, 0);
    }
    putMembers(this.#members, bytes, start);
    return true;
  }

  #withMetadata(
    line: Uint8Array<ArrayBuffer>,
    merged: ReadonlyMap<string, string>,
  ): Uint8Array<ArrayBuffer>[] {
    const text = `{${[...merged].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`;
    for (const { key, valueStart, valueEnd } of members(line, 0))
      if (key === "metadata")
        return spliceBytes(line, [{ start: valueStart, end: valueEnd, text }]);
    const end = line.lastIndexOf(CLOSE_BRACE);
    return spliceBytes(line, [{ start: end, end, text: `,"metadata":${text}` }]);
  }
}

/**
 * The merged deltas that were not emitted yet, by item, in the order of their first ones.
 *
 * Deltas of different items may change places, since each only appends to its own; those of one id
 * never do. Memory: some 200 KiB for each item.
 */
export class OpenItems {
  readonly #items = new Map<string, MergedDelta>();
  /** The one that took a delta last. */
  #last: MergedDelta | null = null;
  readonly #most: number;
  readonly #emit: Emit;

  /**
   * @param most items that are merged at the same time: when there is one more, all are emitted.
   */
  constructor(most: number, emit: Emit) {
    this.#most = most;
    this.#emit = emit;
  }

  /** Takes a whole line, not parsed yet, if it matches the one that was taken last. */
  takeLike(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#last !== null && this.#last.takeLike(bytes, start, end);
  }

  /** Takes a delta whose text is at `body`, quotes included. */
  take(line: EventLine, body: ByteRange): void {
    const { id } = line;
    const open = this.#items.get(id);
    if (open?.take(line, body)) {
      this.#last = open;
      return;
    }
    if (open) {
      open.emit(this.#emit);
      this.#items.delete(id);
    } else if (this.#items.size === this.#most) this.flush();
    this.#last = new MergedDelta(line, body);
    this.#items.set(id, this.#last);
  }

  /** Emits everything that is held. */
  flush(): void {
    if (this.#items.size === 0) return;
    for (const item of this.#items.values()) item.emit(this.#emit);
    this.#items.clear();
    this.#last = null;
  }
}

function putMembers(merged: Map<string, string>, bytes: Uint8Array, at: number): void {
  for (const { key, valueStart, valueEnd } of members(bytes, at))
    merged.set(key, decoder.decode(bytes.subarray(valueStart, valueEnd)));
}
