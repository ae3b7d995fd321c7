import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { logStoreContract, logStoreMatchesModel } from "../contract/index.ts";
import { archivingStore, eagerStore } from "../support/archiving.ts";

const createStore = () => archivingStore(createMemoryLogStore());
const createEagerStore = () => eagerStore(createStore());
const harness = (create: () => LogStore) => async () => {
  const store = create();
  return { store, dispose: () => store.close() };
};

logStoreContract("a store that can archive", { create: harness(createStore) });
logStoreContract("a store that archives before every step", { create: harness(createEagerStore) });
logStoreMatchesModel("a store that archives before every step", {
  create: harness(createEagerStore),
  createModel: () => createMemoryLogStore(),
  runs: 60,
});
