import type { Entry } from "./message-order.ts";

/** Some entries of a list, found by the role of their messages. */
export class EntriesByRole {
  readonly #byRole = new Map<string, Set<Entry>>();

  /** Those of a role; they may be deleted meanwhile. */
  of(role: string): Iterable<Entry> {
    return this.#byRole.get(role) ?? [];
  }

  has(entry: Entry): boolean {
    return this.#byRole.get(entry.message.role)?.has(entry) ?? false;
  }

  add(entry: Entry): void {
    const { role } = entry.message;
    const same = this.#byRole.get(role) ?? new Set<Entry>();
    this.#byRole.set(role, same.add(entry));
  }

  delete(entry: Entry): void {
    this.#byRole.get(entry.message.role)?.delete(entry);
  }

  /** To be called when the message of an entry, which may be here, has another role than before. */
  changedRole(entry: Entry, before: string): void {
    if (this.#byRole.get(before)?.delete(entry)) this.add(entry);
  }

  clear(): void {
    this.#byRole.clear();
  }
}
