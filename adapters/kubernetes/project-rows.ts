import { bySessionAge, searchFor, type SessionRow } from "../../src/ports/session-order.ts";
import type { ByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { filterInTurns } from "../../src/stream/sync/filter-in-turns.ts";
import type { TimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import { isNewer } from "./resources.ts";

/** A session as the list cache knows it. */
export interface KnownSession extends SessionRow {
  readonly uid: string;
  readonly version: string;
}

export interface RowBudgets {
  /** For the rows themselves. */
  readonly rows: ByteBudget;
  /** Evicts something else within the budget of the rows; false if there is nothing. */
  readonly makeRoom: () => boolean;
  /** For what only a search needs: display names and prompts. */
  readonly texts: ByteBudget;
}

/** A Map's entry, an array's slot and an object of a few short strings. */
const ROW_BYTES = 400;
/** Strings with characters beyond Latin-1 take two bytes for each. */
const CHAR_BYTES = 2;

/**
 * The sessions of one project in their order, within budgets: without their texts if those do not all
 * fit, so that only a search has to look elsewhere; overflowing where not even the rows do.
 */
export class ProjectRows {
  readonly #budgets: RowBudgets;
  readonly #rows = new Map<string, KnownSession>();
  #inOrder: KnownSession[] = [];
  #hasTexts = true;
  #isOverflowing = false;

  constructor(budgets: RowBudgets) {
    this.#budgets = budgets;
  }

  /** Whether some sessions are missing: then the rows are of no use. */
  get isOverflowing(): boolean {
    return this.#isOverflowing;
  }

  get(session: string): KnownSession | null {
    return this.#rows.get(session) ?? null;
  }

  get inOrder(): readonly KnownSession[] {
    return this.#inOrder;
  }

  /** The rows that match by now, in their order; null where the texts are not known. */
  async matching(search: string, turns: TimeSlicer): Promise<readonly KnownSession[] | null> {
    if (search === "") return this.#inOrder;
    if (!this.#hasTexts) return null;
    const matches = searchFor(search);
    // a copy: they go on changing
    return filterInTurns([...this.#inOrder], async (part) => part.filter(matches), { turns });
  }

  /** Takes a session, unless something newer of it is known. */
  put(row: KnownSession): void {
    const known = this.#rows.get(row.session);
    if (known && !isNewer(row.version, known.version)) return;
    if (known) this.#drop(known);
    if (!this.#takeRow(row)) return;
    const held = this.#takeTexts(row) ? row : { ...row, displayName: "", initialPrompt: "" };
    this.#rows.set(row.session, held);
    this.#inOrder.splice(this.#placeOf(held), 0, held);
  }

  remove(session: string): void {
    const known = this.#rows.get(session);
    if (known) this.#drop(known);
  }

  /** Removes what is not among `seen`, unless it is newer than `version`. */
  keepOnly(seen: ReadonlySet<string>, version: string): void {
    const isGone = (row: KnownSession): boolean =>
      !seen.has(row.session) && !isNewer(row.version, version);
    for (const row of this.#inOrder.filter(isGone)) this.#drop(row);
  }

  clear(): void {
    const { rows, texts } = this.#budgets;
    rows.release(sum(this.#inOrder, rowBytes));
    if (this.#hasTexts) texts.release(sum(this.#inOrder, textBytes));
    this.#rows.clear();
    this.#inOrder = [];
    this.#hasTexts = true;
    this.#isOverflowing = false;
  }

  #takeRow(row: KnownSession): boolean {
    const { rows, makeRoom } = this.#budgets;
    while (!rows.tryTake(rowBytes(row)))
      if (!makeRoom()) {
        this.#isOverflowing = true;
        return false;
      }
    return true;
  }

  /** Takes the row's texts too; lets those of all rows go if one does not fit. */
  #takeTexts(row: KnownSession): boolean {
    if (!this.#hasTexts) return false;
    if (this.#budgets.texts.tryTake(textBytes(row))) return true;
    this.#budgets.texts.release(sum(this.#inOrder, textBytes));
    this.#hasTexts = false;
    this.#inOrder = this.#inOrder.map((held) => ({ ...held, displayName: "", initialPrompt: "" }));
    for (const held of this.#inOrder) this.#rows.set(held.session, held);
    return false;
  }

  #drop(row: KnownSession): void {
    this.#rows.delete(row.session);
    this.#inOrder.splice(this.#placeOf(row), 1);
    this.#budgets.rows.release(rowBytes(row));
    if (this.#hasTexts) this.#budgets.texts.release(textBytes(row));
  }

  /** Where the row is, or would be. */
  #placeOf(row: KnownSession): number {
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

function rowBytes({ session }: KnownSession): number {
  return ROW_BYTES + CHAR_BYTES * session.length;
}

function textBytes({ displayName, initialPrompt }: KnownSession): number {
  return CHAR_BYTES * (displayName.length + initialPrompt.length);
}

function sum(rows: readonly KnownSession[], bytes: (row: KnownSession) => number): number {
  return rows.reduce((total, row) => total + bytes(row), 0);
}
