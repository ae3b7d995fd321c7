import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createOverlayStore } from "../../src/core/legacy/overlay-store.ts";
import { logStoreContract, logStoreMatchesModel } from "../contract/index.ts";

const create = async () => {
  const store = createOverlayStore(createMemoryLogStore());
  return { store, dispose: () => store.close() };
};

logStoreContract("a store whose raw logs are read with their overlay", { create });
logStoreMatchesModel("a store whose raw logs are read with their overlay", {
  create,
  createModel: () => createMemoryLogStore(),
  runs: 60,
});
