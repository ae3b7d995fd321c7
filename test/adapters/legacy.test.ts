import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { legacyLogsContract, type LegacyFiles } from "../contract/index.ts";
import { createMemoryLegacyLogs } from "../support/memory-legacy-logs.ts";

legacyLogsContract("memory", {
  create: async () => {
    const store = createMemoryLogStore();
    const old = new Map<string, LegacyFiles>();
    return {
      store,
      logs: createMemoryLegacyLogs(store, old),
      leave: async (session, files) => void old.set(session, files),
      dispose: () => store.close(),
    };
  },
});

for (const maxOpenSessions of [1, 256])
  legacyLogsContract(`disk with ${maxOpenSessions} open sessions`, {
    create: async () => {
      const dir = await mkdtemp(join(tmpdir(), "runlog-legacy-"));
      const store = createDiskLogStore({ dir, maxOpenSessions });
      return {
        store,
        logs: store.legacy,
        async leave(session, files) {
          const old = join(dir, "sessions", session);
          await mkdir(old, { recursive: true });
          for (const [name, content] of Object.entries(files))
            await writeFile(join(old, name), content);
        },
        async dispose() {
          await store.close();
          await rm(dir, { recursive: true });
        },
      };
    },
  });
