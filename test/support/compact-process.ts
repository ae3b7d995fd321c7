// Compacts one session of a disk store and exits. Arguments: directory, project, session.
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { CompactLog } from "../../src/core/compaction/compact-log.ts";
import { compactSession } from "../../src/core/compaction/compact-session.ts";

const [dir = "", project = "", session = ""] = process.argv.slice(2);
const key = { project, session };
const store = createDiskLogStore({ dir });
const stat = await store.stat(key);
if (!stat) throw new Error("There is no such log");
const { signal } = new AbortController();
await compactSession({
  key,
  store,
  log: new CompactLog(key, store),
  readable: { stat, from: 0 },
  signal,
});
await store.close();
