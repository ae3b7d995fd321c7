// A server on a bucket in another process, with short leases and with faults of the bucket: what a replica goes through
// in hours comes in minutes. Its settings are those of runlog, and `LINEARIZABILITY_OBJECTS`.
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { parseConfig } from "../../src/config.ts";
import { createSessionService } from "../../src/core/service.ts";
import { createHttpServer } from "../../src/entry/http-server.ts";
import { listen } from "../../src/entry/listen.ts";
import { openPlatform } from "../../src/entry/platform.ts";
import { createRunnerFetch } from "../../src/entry/runner-fetch.ts";
import { stderrLogger as logger } from "../../src/entry/log/stderr-logger.ts";
import { systemClock as clock } from "../../src/entry/system-clock.ts";
import { createApp } from "../../src/http/app.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { createFaultyBucket, type Fault } from "../../test/support/faulty-bucket.ts";
import { createRandom } from "../bench/random.ts";
import { createRemoteBucket } from "./remote-bucket.ts";

/** In `LINEARIZABILITY_OBJECTS`, as JSON. */
export interface ObjectsSettings {
  /** Of the bucket. */
  readonly url: string;
  readonly seed: number;
  readonly leaseMs: number;
  /** Of a thousand calls of the bucket so many fail. */
  readonly faults: number;
}

const INTAKE_BUDGET = 64 * 1024 * 1024;
const FAULTS: readonly Fault[] = ["busy", "lost", "landed", "late", "cut", "reset"];

const { LINEARIZABILITY_OBJECTS: settings = "", ...env } = process.env;
const { url, seed, leaseMs, faults }: ObjectsSettings = JSON.parse(settings);
const config = parseConfig(env);
const random = createRandom(seed);

const store = createObjectLogStore({
  bucket: createFaultyBucket(createRemoteBucket(url), () =>
    random.integer(1_000) < faults ? random.pick(FAULTS) : "none",
  ),
  clock,
  logger,
  leaseMs,
  batchMs: 20,
  idleMs: leaseMs,
  garbageMs: leaseMs,
  attemptMs: leaseMs,
  closeMs: leaseMs,
});
const { ports } = await openPlatform(config, store, logger);
const service = await createSessionService({
  ...ports,
  store,
  archiver: null,
  feed: createMemoryLiveFeed(),
  runner: createHttpRunnerClient({
    fetch: createRunnerFetch(),
    clock,
    maxEventBytes: config.maxEventBytes,
    headersTimeoutMs: config.runnerHeadersMs,
    intakeBudget: createByteBudget(INTAKE_BUDGET),
  }),
  clock,
  logger,
  limits: config.limits,
});
const server = createHttpServer(createApp({ service, listenHost: config.host }).fetch);
const { port, host, maxConnections } = config;
const listening = await listen(server, { port, host, maxConnections, logger });

async function stop(): Promise<void> {
  await service.close();
  const stopped = listening.close();
  server.closeAllConnections();
  await stopped;
  await store.close();
  process.exit(0);
}
process.once("SIGTERM", () => void stop());
