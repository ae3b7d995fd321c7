import { createMemoryLogStore, createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { logStoreContract, logStoreMatchesModel, objectBucketContract } from "../contract/index.ts";
import { reopenable } from "../support/reopenable.ts";

async function memoryHarness() {
  const bucket = createMemoryObjectBucket();
  const open = () => createObjectLogStore({ bucket, clock: systemClock, batchMs: 0 });
  return reopenable(open);
}

objectBucketContract("memory", {
  create: async () => ({ bucket: createMemoryObjectBucket(), dispose: async () => {} }),
});
logStoreContract("objects in memory", { create: memoryHarness });
logStoreMatchesModel("objects in memory", {
  create: memoryHarness,
  createModel: () => createMemoryLogStore(),
  runs: 40,
});
