import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDiskLogStore, type DiskLogStoreOptions } from "../../adapters/disk/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { logStoreContract, logStoreMatchesModel } from "../contract/index.ts";
import { reopenable } from "../support/reopenable.ts";

function diskHarness(options: Partial<DiskLogStoreOptions> = {}) {
  return async () => {
    const dir = await mkdtemp(join(tmpdir(), "runlog-disk-"));
    const open = () => createDiskLogStore({ dir, ...options });
    return reopenable(open, () => rm(dir, { recursive: true }));
  };
}

logStoreContract("disk", { create: diskHarness() });
// one open session at a time: every step opens, closes and finds again
logStoreContract("disk with a cache of one session", {
  create: diskHarness({ maxOpenSessions: 1 }),
});
logStoreMatchesModel("disk", {
  create: diskHarness({ maxOpenSessions: 1 }),
  createModel: () => createMemoryLogStore(),
  runs: 60,
});
