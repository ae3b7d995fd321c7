import type { Message } from "../repair/repair-message.ts";
import { EntriesInOrder } from "./entries-in-order.ts";

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
  /** An integer that grows from place to place; that of a removed entry says nothing. */
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

/** From one entry to the next that is appended: up to so many may be inserted between them. */
const STEP = 2 ** 20;
/** Ranges of orders are spread anew when they are this much fuller for each doubling of their width. */
const DENSITY = 1.3;

/**
 * The messages of a list in their order. Comparing two places, appending and removing take constant time;
 * inserting a result takes, on average, a time that grows with the logarithm of their number: where no
 * order is left between two entries, those of the smallest range around them that is not too full are
 * spread evenly over it (Bender et al., Two Simplified Algorithms for Maintaining Order in a List, 2002).
 */
export class MessageOrder {
  #first: Entry | null = null;
  #last: Entry | null = null;
  /** How often an entry has changed its role. */
  #roleChanges = 0;
  /** Results that have become messages of another role: results end before them. */
  readonly #ends = new EntriesInOrder();

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
    this.#ends.delete(entry);
    entry.isRemoved = true;
    if (entry.previous) entry.previous.next = entry.next;
    else this.#first = entry.next;
    if (entry.next) entry.next.previous = entry.previous;
    else this.#last = entry.previous;
  }

  /** To be called when an entry has become a message of another role. */
  changedRole(entry: Entry, before: string): void {
    this.#roleChanges++;
    if (before === "tool") this.#ends.add(entry);
  }

  get roleChanges(): number {
    return this.#roleChanges;
  }

  /** Whether one entry comes before the other; a removed one comes before all. */
  isBefore(one: Entry, other: Entry): boolean {
    return one.isRemoved || (!other.isRemoved && one.order < other.order);
  }

  clear(): void {
    this.#first = null;
    this.#last = null;
    this.#ends.clear();
  }

  /** The first entry after `owner`, up to `last`, that was a result and is none any more. */
  #endBetween(owner: Entry, last: Entry): Entry | null {
    for (;;) {
      const end = this.#ends.after(owner);
      if (!end || end.order > last.order) return null;
      if (end.message.role !== "tool") return end;
      // it has become one again
      this.#ends.delete(end);
    }
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
    if (!previous) return next ? next.order - STEP : 0;
    if (!next) return previous.order + STEP;
    if (next.order - previous.order < 2) spread(previous);
    return previous.order + Math.floor((next.order - previous.order) / 2);
  }
}

/** Spreads the entries around this one, so that there is room after it. */
function spread(entry: Entry): void {
  let [first, last, count] = [entry, entry, 1];
  let capacity = 1;
  for (let width = 2; ; width *= 2) {
    capacity *= 2 / DENSITY;
    const start = Math.floor(entry.order / width) * width;
    for (; first.previous && first.previous.order >= start; count++) first = first.previous;
    for (; last.next && last.next.order < start + width; count++) last = last.next;
    const step = Math.floor(width / count);
    if (count > capacity || step < 2) continue;
    let order = start;
    for (let at = first; ; order += step) {
      at.order = order;
      if (at === last || !at.next) return;
      at = at.next;
    }
  }
}
