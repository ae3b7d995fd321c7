import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { sessionRoutesContract } from "../contract/index.ts";
import { createTestServer } from "../support/test-server.ts";

sessionRoutesContract("in process, in memory", {
  create: () => createTestServer({ store: createMemoryLogStore() }),
});
