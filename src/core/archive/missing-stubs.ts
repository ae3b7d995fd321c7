import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import type { Archives } from "./archives.ts";
import { endOf } from "./manifest.ts";
import { encodeStub } from "./stub.ts";

const PAGE = 1000;

/**
 * Makes a stub for every archive without one in the store; resolves with their number. `alone` runs
 * the making of a stub while nobody else changes the session.
 */
export async function makeMissingStubs(
  store: LogStore,
  archives: Archives,
  alone: (key: SessionKey, make: () => Promise<boolean>) => Promise<boolean>,
): Promise<number> {
  const known = await idsIn(store);
  let made = 0;
  for await (const key of archives.list()) {
    if (known.has(idOf(key))) continue;
    const isNew = await alone(key, async () => {
      const manifest = (await store.stat(key)) ? null : await archives.find(key);
      if (!manifest) return false;
      const { logId, document, notes } = manifest;
      const head = encodeStub({ logId, end: endOf(manifest), head: manifest.head, notes });
      await store.create(key, { logId, head, document });
      return true;
    });
    if (isNew) made++;
  }
  return made;
}

/** The ids of a store's sessions: two listings side by side would need the same order. */
async function idsIn(store: LogStore): Promise<Set<string>> {
  const ids = new Set<string>();
  let after: string | null = null;
  do {
    const page = await store.list({ limit: PAGE, ...(after !== null && { after }) });
    for (const item of page.items) ids.add(idOf(item));
    after = page.next;
  } while (after !== null);
  return ids;
}
