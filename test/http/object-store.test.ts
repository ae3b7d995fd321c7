import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { storedSessionsContract } from "../contract/index.ts";
import { createTestServer } from "../support/test-server.ts";

storedSessionsContract("on objects", {
  create: () =>
    createTestServer({
      store: createObjectLogStore({
        bucket: createMemoryObjectBucket(),
        clock: systemClock,
        batchMs: 20,
      }),
    }),
});
