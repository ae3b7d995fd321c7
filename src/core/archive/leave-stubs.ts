import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";

/** Replaces sessions in a store by stubs. */
interface Stubs {
  /** As the store's own, but never between the two steps by which a stub replaces a session. */
  stat(key: SessionKey): Promise<LogStat | null>;
  /** Deletes the session's bytes, and makes a log with this head, id and document. */
  leave(key: SessionKey, as: Pick<LogStat, "logId" | "document" | "head">): Promise<void>;
}

export function createStubs(store: LogStore): Stubs {
  /** Sessions that are missing from the store for a moment. */
  const leaving = new Map<string, Promise<void>>();

  return {
    async stat(key) {
      for (let left = leaving.get(idOf(key)); left; left = leaving.get(idOf(key))) await left;
      return store.stat(key);
    },

    async leave(key, { logId, head, document }) {
      const id = idOf(key);
      const left = (async () => {
        await store.delete(key);
        await store.create(key, { logId, head, document });
      })();
      leaving.set(
        id,
        left.catch(() => {}).finally(() => leaving.delete(id)),
      );
      await left;
    },
  };
}
