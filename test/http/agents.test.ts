import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { agentsContract } from "../contract/index.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer, listenTestServer } from "../support/test-server.ts";

const AGENTS = [
  { name: "coder", url: "coder/", description: "Writes code" },
  { name: "support", url: "{agent}/" },
];

agentsContract("in process, in memory", {
  create: () => createTestServer({ store: createMemoryLogStore(), agents: AGENTS }),
});

agentsContract("over a socket, on disk", {
  async create() {
    const dir = await createTempDir();
    const store = createDiskLogStore({ dir: dir.path });
    const server = await listenTestServer({ store, agents: AGENTS });
    return {
      ...server,
      async dispose() {
        await server.dispose();
        await dir.remove();
      },
    };
  },
});
