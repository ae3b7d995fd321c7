import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { sessionRoutesContract } from "../contract/index.ts";
import { createTestServer } from "../support/test-server.ts";

sessionRoutesContract("in process, on objects", {
  create: () =>
    createTestServer({
      store: createObjectLogStore({
        bucket: createMemoryObjectBucket(),
        clock: systemClock,
        batchMs: 20,
      }),
    }),
});
