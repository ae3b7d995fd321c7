import { hashText } from "../model/posted-message-ids.ts";

/** Most ids that are kept; beyond it every id counts as seen. */
const MAX_IDS = 1 << 18;
const FIRST_SLOTS = 256;

/**
 * Ids of all messages and tool calls that a log has named, as hashes of 32 bits. An id that was never
 * added may count as seen, one that was added always does. Memory: some 8 bytes an id, at most 2 MiB.
 */
export class SeenIds {
  /** Open addressing; 0 is an empty slot. At most half of them are taken. */
  #slots = new Uint32Array(FIRST_SLOTS);
  #size = 0;
  #isBlind = false;

  /** Whether the id was added, or may have been. */
  has(id: string): boolean {
    return this.#isBlind || this.#slots[slotOf(this.#slots, keyOf(id))] !== 0;
  }

  add(id: string): void {
    if (this.#isBlind) return;
    const key = keyOf(id);
    const slot = slotOf(this.#slots, key);
    if (this.#slots[slot] !== 0) return;
    if (this.#size === MAX_IDS) return this.blind();
    this.#slots[slot] = key;
    this.#size++;
    if (this.#size * 2 > this.#slots.length) this.#grow();
  }

  /** From here on every id counts as seen. */
  blind(): void {
    this.#isBlind = true;
    this.#slots = new Uint32Array(0);
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2);
    for (const key of this.#slots) if (key !== 0) larger[slotOf(larger, key)] = key;
    this.#slots = larger;
  }
}

function keyOf(id: string): number {
  return hashText(id) >>> 0 || 1;
}

/** Where the key is, or the empty slot where it would be. `slots` has a power of two of them. */
function slotOf(slots: Uint32Array, key: number): number {
  const mask = slots.length - 1;
  let at = key & mask;
  while (slots[at] !== 0 && slots[at] !== key) at = (at + 1) & mask;
  return at;
}
