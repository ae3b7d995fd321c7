import type { Message } from "../repair/repair-message.ts";

/** A message in its place. The message may be changed; its growth is then reported by `grew`. */
export class Entry {
  message: Message;
  /** Characters of its JSON, about. */
  chars = 0;
  /** How often it has changed. */
  changes = 0;
  /** Its neighbours, for the list alone. A removed entry keeps its last `previous`. */
  previous: Entry | null;
  next: Entry | null;
  /** Grows from place to place. */
  order: number;
  isRemoved = false;
  /** Up to here all after it were results of its tool calls, when one was inserted last. */
  lastResult: Entry | null = null;

  constructor(message: Message, previous: Entry | null, next: Entry | null, order: number) {
    this.message = message;
    this.previous = previous;
    this.next = next;
    this.order = order;
  }
}

/** Share of the gap that a new order takes; most of it is left to later ones. */
const GAP_SHARE = 1 / 1024;

/**
 * The messages of a list in their order. Appending, inserting a result, removing, and comparing two
 * places takes constant time.
 */
export class MessageOrder {
  #first: Entry | null = null;
  #last: Entry | null = null;
  /** How often an entry has changed its role. */
  #roleChanges = 0;
  /** Results that have become messages of another role, by their places: results end before them. */
  readonly #ends: Entry[] = [];

  /** The entries from first to last. */
  *[Symbol.iterator](): Generator<Entry, void, undefined> {
    for (let entry = this.#first; entry; entry = entry.next) yield entry;
  }

  append(message: Message): Entry {
    return this.#insert(message, this.#last);
  }

  /** Inserts a tool's result after the message that has the call and the results that follow it. */
  insertResult(message: Message, owner: Entry): Entry {
    let last = owner.lastResult ?? owner;
    while (last.isRemoved && last.previous) last = last.previous;
    const end = this.#endBetween(owner, last);
    if (end) {
      // those after it are the call's again once it is a result again
      owner.lastResult = last;
      return this.#insert(message, end.previous);
    }
    while (last.next?.message.role === "tool") last = last.next;
    const entry = this.#insert(message, last);
    owner.lastResult = entry;
    return entry;
  }

  remove(entry: Entry): void {
    const end = this.#indexAfter(entry.order) - 1;
    if (this.#ends[end] === entry) this.#ends.splice(end, 1);
    entry.isRemoved = true;
    if (entry.previous) entry.previous.next = entry.next;
    else this.#first = entry.next;
    if (entry.next) entry.next.previous = entry.previous;
    else this.#last = entry.previous;
  }

  /** To be called when an entry has become a message of another role. */
  changedRole(entry: Entry, before: string): void {
    this.#roleChanges++;
    if (before !== "tool") return;
    const index = this.#indexAfter(entry.order);
    if (this.#ends[index - 1] !== entry) this.#ends.splice(index, 0, entry);
  }

  get roleChanges(): number {
    return this.#roleChanges;
  }

  isBefore(one: Entry, other: Entry): boolean {
    return one.order < other.order;
  }

  clear(): void {
    this.#first = null;
    this.#last = null;
    this.#ends.length = 0;
  }

  /** The first entry after `owner`, up to `last`, that was a result and is none any more. */
  #endBetween(owner: Entry, last: Entry): Entry | null {
    const index = this.#indexAfter(owner.order);
    for (;;) {
      const end = this.#ends[index];
      if (!end || end.order > last.order) return null;
      if (end.message.role !== "tool") return end;
      // it has become one again
      this.#ends.splice(index, 1);
    }
  }

  /** The index of the first of the ends after a place. */
  #indexAfter(order: number): number {
    let from = 0;
    let to = this.#ends.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#ends[middle]!.order > order) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  #insert(message: Message, previous: Entry | null): Entry {
    const next = previous ? previous.next : this.#first;
    const order = this.#orderAfter(previous, next);
    const entry = new Entry(message, previous, next, order);
    if (previous) previous.next = entry;
    else this.#first = entry;
    if (next) next.previous = entry;
    else this.#last = entry;
    return entry;
  }

  #orderAfter(previous: Entry | null, next: Entry | null): number {
    if (!previous) return next ? next.order - 1 : 0;
    if (!next) return previous.order + 1;
    const order = previous.order + (next.order - previous.order) * GAP_SHARE;
    if (order > previous.order && order < next.order) return order;
    let count = 0;
    for (let entry = this.#first; entry; entry = entry.next) entry.order = count++;
    return previous.order + GAP_SHARE;
  }
}
