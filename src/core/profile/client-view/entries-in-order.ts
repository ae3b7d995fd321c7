import type { Entry } from "./message-order.ts";

/** Most entries of a block. */
const BLOCK = 512;

/**
 * Some entries of a list by their places. They lie in blocks, so that to add one where others follow
 * moves few of them.
 */
export class EntriesInOrder {
  #blocks: Entry[][] = [];

  /** The first after a place, or null. */
  after(entry: Entry): Entry | null {
    const at = this.#blockFrom(entry);
    const block = this.#blocks[at];
    const next = block?.[indexAfter(block, entry.order)];
    return next ?? this.#blocks[at + 1]?.[0] ?? null;
  }

  /** Adds an entry, unless it is here. */
  add(entry: Entry): void {
    const at = Math.min(this.#blockFrom(entry), Math.max(0, this.#blocks.length - 1));
    const block = (this.#blocks[at] ??= []);
    const index = indexAfter(block, entry.order);
    if (block[index - 1] === entry) return;
    block.splice(index, 0, entry);
    if (block.length > BLOCK) this.#blocks.splice(at + 1, 0, block.splice(BLOCK / 2));
  }

  delete(entry: Entry): void {
    const at = this.#blockFrom(entry);
    const block = this.#blocks[at];
    const index = block ? indexAfter(block, entry.order) - 1 : -1;
    if (!block || block[index] !== entry) return;
    block.splice(index, 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  clear(): void {
    this.#blocks = [];
  }

  /** The first block with an entry after this place, or in it; their number if there is none. */
  #blockFrom({ order }: Entry): number {
    return firstIndex(this.#blocks.length, (at) => (this.#blocks[at]?.at(-1)?.order ?? 0) >= order);
  }
}

/** The index of the first after a place. */
function indexAfter(entries: readonly Entry[], order: number): number {
  return firstIndex(entries.length, (at) => (entries[at]?.order ?? 0) > order);
}

/** The first index of `count` for which a test holds that holds for all after it; `count` if for none. */
function firstIndex(count: number, isPast: (index: number) => boolean): number {
  let from = 0;
  let to = count;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isPast(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
