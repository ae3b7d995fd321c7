// A server on a bucket that replicas share, with its usual parts but for the bucket, which is a slow
// directory: an S3 server for tests would itself be what is measured.
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { parseConfig } from "../../src/config.ts";
import { createSessionService } from "../../src/core/service.ts";
import { createHttpServer } from "../../src/entry/http-server.ts";
import { openFeed } from "../../src/entry/open-feed.ts";
import { createRunnerFetch } from "../../src/entry/runner-fetch.ts";
import { stderrLogger as logger } from "../../src/entry/log/stderr-logger.ts";
import { systemClock as clock } from "../../src/entry/system-clock.ts";
import { createApp } from "../../src/http/app.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { waitFor } from "../../test/contract/wait-for.ts";
import { endWithParent, receiveFromParent, sendToParent } from "./child-script.ts";
import { listenOnLoopback } from "./loopback.ts";
import { createSlowBucket } from "./slow-bucket.ts";

const MEBIBYTE = 1024 * 1024;

/** Calls to the bucket so far, sent for each message of the parent's. */
export type BucketCalls = Readonly<Partial<Record<string, number>>>;

/** Sent when it listens, and hears other replicas where it is to. */
export interface ReplicaReady {
  readonly port: number;
}

endWithParent();
const {
  dir,
  runnerPort,
  natsUrl,
}: {
  readonly dir: string;
  readonly runnerPort: number;
  /** None if it is not given. */
  readonly natsUrl?: string;
} = JSON.parse(process.argv[2] ?? "");

/** Calls to the bucket, by the name of the operation. */
const calls: Record<string, number> = {};
const bucket = createSlowBucket(dir, (name) => {
  calls[name] = (calls[name] ?? 0) + 1;
});
receiveFromParent(() => sendToParent(calls));
const store = createObjectLogStore({ bucket, clock, logger });
const { nats } = parseConfig({ STORAGE_URL: "s3://bucket", RUNLOG_NATS_URL: natsUrl });
const { feed } = await openFeed(nats, { clock, logger });
if (nats) await waitFor(() => feed.hearsOthers, { what: "the live feed" });
const maxEventBytes = 64 * MEBIBYTE;
const service = await createSessionService({
  store,
  feed,
  directory: createLocalDirectory({
    store,
    runnerUrl: `http://127.0.0.1:${runnerPort}/{session}/`,
  }),
  authorizer: createLocalAuthorizer(),
  platform: createLocalPlatform(),
  runner: createHttpRunnerClient({
    fetch: createRunnerFetch(),
    clock,
    maxEventBytes,
    intakeBudget: createByteBudget(maxEventBytes),
  }),
  clock,
  logger,
});
const server = createHttpServer(createApp({ service, listenHost: "127.0.0.1" }).fetch);
const ready: ReplicaReady = { port: await listenOnLoopback(server) };
sendToParent(ready);
