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
  /** Where the results of its tool calls ended, and at which version that was found. */
  results: { readonly last: Entry; readonly version: number } | null = null;

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
  /** How often an entry has changed its role: then fewer results may follow a message. */
  #roleChanges = 0;

  /** The entries from first to last. */
  *[Symbol.iterator](): Generator<Entry, void, undefined> {
    for (let entry = this.#first; entry; entry = entry.next) yield entry;
  }

  append(message: Message): Entry {
    return this.#insert(message, this.#last);
  }

  /** Inserts a tool's result after the message that has the call and the results that follow it. */
  insertResult(message: Message, owner: Entry): Entry {
    let last = owner.results?.version === this.#roleChanges ? owner.results.last : owner;
    while (last.isRemoved && last.previous) last = last.previous;
    while (last.next?.message.role === "tool") last = last.next;
    const entry = this.#insert(message, last);
    owner.results = { last: entry, version: this.#roleChanges };
    return entry;
  }

  remove(entry: Entry): void {
    entry.isRemoved = true;
    if (entry.previous) entry.previous.next = entry.next;
    else this.#first = entry.next;
    if (entry.next) entry.next.previous = entry.previous;
    else this.#last = entry.previous;
  }

  /** To be called when an entry has become a message of another role. */
  changedRole(): void {
    this.#roleChanges++;
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
