import { afterAll, beforeAll } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import type { S3Bucket } from "../../adapters/s3/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { logStoreContract, logStoreMatchesModel, objectBucketContract } from "../contract/index.ts";
import { reopenable } from "../support/reopenable.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { within } from "../support/within-bucket.ts";

let server: S3Server;
let bucket: S3Bucket;

beforeAll(async () => {
  server = await startS3Server();
  bucket = server.bucket();
});
afterAll(() => server.close());

async function s3Harness() {
  const prefix = `${crypto.randomUUID()}/`;
  const open = () => createObjectLogStore({ bucket, prefix, clock: systemClock, batchMs: 0 });
  return reopenable(open);
}

objectBucketContract("S3", {
  create: async () => ({
    bucket: within(bucket, `${crypto.randomUUID()}/`),
    dispose: async () => {},
  }),
});
logStoreContract("S3", { create: s3Harness });
logStoreMatchesModel("S3", {
  create: s3Harness,
  createModel: () => createMemoryLogStore(),
  runs: 10,
  maxCommands: 40,
});
