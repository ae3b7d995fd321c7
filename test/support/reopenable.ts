import type { LogStore } from "../../src/ports/log-store.ts";
import type { LogStoreHarness } from "../contract/log-store/harness.ts";

/** A store that lasts: `open` opens it, also again; `remove` removes its data. Default: they may stay. */
export function reopenable(
  open: () => LogStore,
  remove: () => Promise<void> = async () => {},
): LogStoreHarness {
  let store = open();
  return {
    store,
    async reopen() {
      await store.close();
      store = open();
      return store;
    },
    async dispose() {
      await store.close();
      await remove();
    },
  };
}
