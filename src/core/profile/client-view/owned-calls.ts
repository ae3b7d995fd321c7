import type { ToolCall } from "../repair/repair-message.ts";
import { EarliestFirst } from "./earliest-first.ts";
import type { Entry, MessageOrder } from "./message-order.ts";

/** A tool call and the message that has it. */
export interface OwnedCall {
  readonly entry: Entry;
  readonly call: ToolCall;
}

/** The tool calls of a list's messages by their ids. Of several with one id the first counts. */
export class OwnedCalls {
  readonly #order: MessageOrder;
  readonly #first = new Map<string, OwnedCall>();
  /** For calls that more than one message has: those of the messages after the first. */
  readonly #others = new Map<string, EarliestFirst<ToolCall>>();

  constructor(order: MessageOrder) {
    this.#order = order;
  }

  find(id: string): OwnedCall | undefined {
    return this.#first.get(id);
  }

  /** Whether more than one message has a call of this id. */
  isDoubled(id: string): boolean {
    return this.#others.has(id);
  }

  /** Records a message's calls, which may differ from those that it had before. */
  learn(entry: Entry, before: readonly ToolCall[] = []): void {
    const calls = new Map<string, ToolCall>();
    // of two in one message clients take the first
    for (const call of entry.message.toolCalls ?? [])
      if (!calls.has(call.id)) calls.set(call.id, call);
    for (const { id } of before) if (!calls.has(id)) this.#forget(id, entry);
    for (const call of calls.values()) this.#put({ entry, call });
  }

  /** Adds a call to a message's calls. */
  add(entry: Entry, call: ToolCall): void {
    this.#put({ entry, call });
  }

  forget(entry: Entry): void {
    for (const { id } of entry.message.toolCalls ?? []) this.#forget(id, entry);
  }

  clear(): void {
    this.#first.clear();
    this.#others.clear();
  }

  #put(owned: OwnedCall): void {
    const { entry, call } = owned;
    const known = this.#first.get(call.id);
    if (!known || known.entry === entry) {
      this.#first.set(call.id, owned);
      return;
    }
    const others = this.#others.get(call.id) ?? new EarliestFirst<ToolCall>(this.#order);
    this.#others.set(call.id, others);
    if (!this.#order.isBefore(entry, known.entry)) {
      others.set(entry, call);
      return;
    }
    others.set(known.entry, known.call);
    this.#first.set(call.id, owned);
  }

  #forget(id: string, entry: Entry): void {
    const others = this.#others.get(id);
    if (this.#first.get(id)?.entry !== entry) others?.delete(entry);
    else {
      const next = others?.take();
      if (next) this.#first.set(id, { entry: next.entry, call: next.value });
      else this.#first.delete(id);
    }
    if (others?.size === 0) this.#others.delete(id);
  }
}
