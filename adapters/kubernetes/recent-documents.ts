import type { SessionDocument } from "../../src/ports/session-directory.ts";
import type { ByteBudget } from "../../src/stream/sync/byte-budget.ts";

interface Held {
  readonly document: SessionDocument;
  readonly bytes: number;
}

/**
 * The documents that were on a page lately, for all projects. They take what is free of the budget, up
 * to a limit; those that were not asked for the longest give way.
 */
export interface RecentDocuments {
  get(id: string): SessionDocument | null;
  /** Keeps a document whose JSON is this long, in place of an older one. */
  put(id: string, document: SessionDocument, jsonBytes: number): void;
  has(id: string): boolean;
  forget(id: string): void;
  /** Makes room in the budget. False if there is nothing left to give. */
  yield(): boolean;
}

/** What an object takes beside its texts, and how much more than their JSON these are. */
const OVERHEAD_BYTES = 2_000;
const EXPANSION = 2;

export function createRecentDocuments(budget: ByteBudget, maxBytes: number): RecentDocuments {
  /** In the order in which they were asked for. */
  const held = new Map<string, Held>();
  let total = 0;

  function forget(id: string): void {
    const known = held.get(id);
    if (!known) return;
    held.delete(id);
    total -= known.bytes;
    budget.release(known.bytes);
  }

  function yieldOne(): boolean {
    const [oldest] = held.keys();
    if (oldest === undefined) return false;
    forget(oldest);
    return true;
  }

  return {
    get(id) {
      const known = held.get(id);
      if (!known) return null;
      held.delete(id);
      held.set(id, known);
      return known.document;
    },

    put(id, document, jsonBytes) {
      forget(id);
      const bytes = OVERHEAD_BYTES + EXPANSION * jsonBytes;
      if (bytes > maxBytes) return;
      const fits = (): boolean => total + bytes <= maxBytes && budget.tryTake(bytes);
      while (!fits()) if (!yieldOne()) return;
      total += bytes;
      held.set(id, { document, bytes });
    },

    has: (id) => held.has(id),
    forget,
    yield: yieldOne,
  };
}
