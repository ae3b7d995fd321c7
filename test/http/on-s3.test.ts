import { afterAll, beforeAll } from "vitest";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { storedSessionsContract } from "../contract/index.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { createTestServer } from "../support/test-server.ts";

let s3: S3Server;

beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(() => s3.close());

storedSessionsContract("on S3", {
  create: () =>
    createTestServer({
      store: createObjectLogStore({
        bucket: s3.bucket(),
        prefix: `${crypto.randomUUID()}/`,
        clock: systemClock,
        batchMs: 5,
      }),
    }),
});
