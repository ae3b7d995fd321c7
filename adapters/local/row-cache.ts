import type { SessionRow } from "../../src/ports/session-order.ts";

/** The texts that a list has for a session beside its name and age. */
export type RowTexts = Pick<SessionRow, "displayName" | "initialPrompt">;

/**
 * The rows of sessions that were listed before: front ends list again every few seconds, and reading
 * each document of some thousand sessions takes seconds. It knows of every change, because only one
 * directory writes the documents of a store.
 */
export interface RowCache {
  /** The session's row, made by `read` (null: there is no such session) unless it is known. */
  row(id: string, logId: string, read: () => Promise<RowTexts | null>): Promise<RowTexts | null>;
  /** The same, if it is known. */
  known(id: string, logId: string): RowTexts | null;
  /** To be called before and after whatever changes a session. */
  forget(id: string): void;
}

/** A cache of at most `maxChars` characters; what comes when it is full is read every time. */
export function createRowCache(maxChars: number): RowCache {
  const rows = new Map<string, { readonly logId: string; readonly texts: RowTexts }>();
  let chars = 0;
  let changes = 0;

  function remove(id: string): void {
    const known = rows.get(id);
    if (!known) return;
    chars -= sizeOf(known.texts);
    rows.delete(id);
  }

  return {
    known(id, logId) {
      const row = rows.get(id);
      return row?.logId === logId ? row.texts : null;
    },

    async row(id, logId, read) {
      const known = rows.get(id);
      if (known?.logId === logId) return known.texts;
      const before = changes;
      const texts = await read();
      // what was read while something changed may be what was there before
      if (texts === null || changes !== before) return texts;
      remove(id);
      if (chars + sizeOf(texts) > maxChars) return texts;
      chars += sizeOf(texts);
      rows.set(id, { logId, texts });
      return texts;
    },

    forget(id) {
      changes++;
      remove(id);
    },
  };
}

/** A little more than the texts, so that empty ones do not come for nothing. */
function sizeOf({ displayName, initialPrompt }: RowTexts): number {
  return displayName.length + initialPrompt.length + 100;
}
