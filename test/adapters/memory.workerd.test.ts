import { createMemoryLiveFeed, createMemoryLogStore } from "../../adapters/memory/index.ts";
import { liveFeedContract, logStoreContract } from "../contract/index.ts";

logStoreContract("memory in workerd", {
  async create() {
    const store = createMemoryLogStore();
    return { store, dispose: () => store.close() };
  },
});

liveFeedContract("memory in workerd", {
  create: () =>
    Promise.resolve({
      feed: createMemoryLiveFeed(),
      other: null,
      dispose: () => Promise.resolve(),
    }),
});
