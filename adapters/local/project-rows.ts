import type { ListedLog } from "../../src/ports/log-store.ts";
import { bySessionAge } from "../../src/ports/session-order.ts";

/** A Map's entry, an array's slot and an object of a few short strings. */
const ROW_BYTES = 300;
/** A name is of characters that take one byte each. */
const rowBytes = ({ session }: ListedLog): number => ROW_BYTES + session.length;

/** The sessions of one project in their order. */
export class ProjectRows {
  readonly #bySession: Map<string, ListedLog>;
  readonly #inOrder: ListedLog[];
  #bytes: number;

  /** Takes `inOrder` over, which is in the order of `bySessionAge`. */
  constructor(inOrder: ListedLog[]) {
    this.#inOrder = inOrder;
    this.#bySession = new Map(inOrder.map((row) => [row.session, row]));
    this.#bytes = inOrder.reduce((sum, row) => sum + rowBytes(row), 0);
  }

  get inOrder(): readonly ListedLog[] {
    return this.#inOrder;
  }

  /** Memory that the rows take up. */
  get bytes(): number {
    return this.#bytes;
  }

  put(row: ListedLog): void {
    const known = this.#bySession.get(row.session);
    if (known?.logId === row.logId) return;
    this.remove(row.session);
    this.#bySession.set(row.session, row);
    this.#inOrder.splice(this.#placeOf(row), 0, row);
    this.#bytes += rowBytes(row);
  }

  remove(session: string): void {
    const known = this.#bySession.get(session);
    if (!known) return;
    this.#bySession.delete(session);
    this.#inOrder.splice(this.#placeOf(known), 1);
    this.#bytes -= rowBytes(known);
  }

  /** Where the row is, or would be. */
  #placeOf(row: ListedLog): number {
    let low = 0;
    let high = this.#inOrder.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bySessionAge(this.#inOrder[middle]!, row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
