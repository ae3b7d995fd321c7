import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { storedSessionsContract } from "../contract/index.ts";
import { archivingStore, eagerStore } from "../support/archiving.ts";
import { createTestServer } from "../support/test-server.ts";

storedSessionsContract("archived before anybody asks for them", {
  archives: true,
  create() {
    const store = eagerStore(archivingStore(createMemoryLogStore()));
    return createTestServer({ store, archiver: store });
  },
});
