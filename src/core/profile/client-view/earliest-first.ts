import type { Entry, MessageOrder } from "./message-order.ts";

/** Places that are kept of entries that have gone, beside as many as there are entries. */
const SLACK = 64;

/**
 * What entries of a list have, by entry: the earliest entry is taken out first. Each step takes a time
 * that grows with the logarithm of their number.
 */
export class EarliestFirst<T> {
  readonly #order: MessageOrder;
  readonly #values = new Map<Entry, T>();
  /** A binary heap by place, in which entries that have gone may still be, and others twice. */
  #heap: Entry[] = [];

  constructor(order: MessageOrder) {
    this.#order = order;
  }

  get size(): number {
    return this.#values.size;
  }

  set(entry: Entry, value: T): void {
    if (!this.#values.has(entry)) this.#push(entry);
    this.#values.set(entry, value);
  }

  delete(entry: Entry): void {
    this.#values.delete(entry);
    if (this.#heap.length <= 2 * this.#values.size + SLACK) return;
    // sorted, it is a heap
    this.#heap = [...this.#values.keys()].sort((a, b) => (this.#order.isBefore(a, b) ? -1 : 1));
  }

  /** Removes and returns the earliest; null if there is none. */
  take(): { readonly entry: Entry; readonly value: T } | null {
    for (let entry = this.#pop(); entry; entry = this.#pop()) {
      const value = this.#values.get(entry);
      if (value === undefined) continue;
      this.#values.delete(entry);
      return { entry, value };
    }
    return null;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#order.isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && this.#order.isBefore(heap[right]!, heap[child]!)) child = right;
      if (!this.#order.isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
