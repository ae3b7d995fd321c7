import { env } from "cloudflare:test";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createR2Bucket } from "../../adapters/r2/index.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { logStoreContract, logStoreMatchesModel, objectBucketContract } from "../contract/index.ts";
import { reopenable } from "../support/reopenable.ts";
import { within } from "../support/within-bucket.ts";

const bucket = createR2Bucket(env.BUCKET);

async function r2Harness() {
  const prefix = `${crypto.randomUUID()}/`;
  const open = () => createObjectLogStore({ bucket, prefix, clock: systemClock, batchMs: 0 });
  return reopenable(open);
}

objectBucketContract("R2 in workerd", {
  create: async () => ({
    bucket: within(bucket, `${crypto.randomUUID()}/`),
    dispose: async () => {},
  }),
});
logStoreContract("R2 in workerd", { create: r2Harness });
logStoreMatchesModel("R2 in workerd", {
  create: r2Harness,
  createModel: () => createMemoryLogStore(),
  runs: 10,
  maxCommands: 40,
});
