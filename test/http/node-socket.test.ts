import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { sessionRoutesContract } from "../contract/index.ts";
import { listenTestServer } from "../support/test-server.ts";
import { createTempDir } from "../support/temp-dir.ts";

sessionRoutesContract("over a socket, on disk", {
  async create() {
    const dir = await createTempDir();
    const server = await listenTestServer({ store: createDiskLogStore({ dir: dir.path }) });
    return {
      ...server,
      async dispose() {
        await server.dispose();
        await dir.remove();
      },
    };
  },
});
