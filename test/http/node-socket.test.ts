import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createFileBucket } from "../../adapters/file-bucket/index.ts";
import { sessionRoutesContract } from "../contract/index.ts";
import { archivingStore } from "../support/archiving.ts";
import { listenTestServer } from "../support/test-server.ts";
import { createTempDir } from "../support/temp-dir.ts";

sessionRoutesContract("over a socket, on disk, with an archive", {
  archives: true,
  async create() {
    const dir = await createTempDir();
    const bucket = createFileBucket({ dir: `${dir.path}/archive` });
    const store = archivingStore(createDiskLogStore({ dir: `${dir.path}/data` }), bucket);
    const server = await listenTestServer({ store, archiver: store });
    return {
      ...server,
      async dispose() {
        await server.dispose();
        await dir.remove();
      },
    };
  },
});
