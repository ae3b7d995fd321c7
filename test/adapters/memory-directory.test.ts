import { createMemoryDirectory } from "../../adapters/memory/index.ts";
import { sessionDirectoryContract } from "../contract/index.ts";

sessionDirectoryContract("memory", {
  async create(sessions) {
    const authorizer = { allows: async () => true };
    const directory = createMemoryDirectory({ authorizer, runnerUrl: "http://runner.test/" });
    for (const key of sessions) await directory.create(key, { metadata: {}, spec: {} });
    return { directory, dispose: async () => {} };
  },
});
