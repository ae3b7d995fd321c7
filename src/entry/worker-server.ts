import { createDemoRunner } from "../../adapters/demo/index.ts";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createR2Bucket, type R2BucketLike } from "../../adapters/r2/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { createSessionService, type SessionService } from "../core/service.ts";
import { createApp } from "../http/app.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore, SessionKey } from "../ports/log-store.ts";
import { createByteBudget } from "../stream/sync/byte-budget.ts";
import { systemClock } from "./system-clock.ts";
import { readWorkerConfig } from "./worker-config.ts";

/** What a worker is given: the bucket of its logs, and the variables that `parseConfig` reads. */
export interface WorkerBindings {
  readonly BUCKET: R2BucketLike;
}

/** A server of one session, or of what concerns none. */
export interface WorkerServer {
  readonly service: SessionService;
  fetch(request: Request): Response | Promise<Response>;
  close(): Promise<void>;
}

const INTAKE_BUDGET = 16 * 1024 * 1024;
/** The demo runner needs no address; this one names it in errors. */
const DEMO_URL = "http://{session}.{project}.demo.invalid/";

/**
 * Opens the server of a session, or with null one that closes no runs: over the bucket's logs, with the
 * runner that `RUNNER_URL` names or else the demo. Throws ConfigError, and what the bucket throws.
 */
export async function openServer(
  env: WorkerBindings,
  key: SessionKey | null,
): Promise<WorkerServer> {
  const config = readWorkerConfig(env);
  const { runnerUrl, maxEventBytes, hosts, corsOrigins } = config;
  const bucket = createR2Bucket(env.BUCKET);
  const clock = systemClock;
  const store = createObjectLogStore({ bucket, clock, logger: consoleLogger, exclusive: true });
  const demo = createDemoRunner({ clock });
  const service = await createSessionService({
    store: withMarksOf(key, store),
    feed: createMemoryLiveFeed(),
    directory: createLocalDirectory({ store, runnerUrl: runnerUrl ?? DEMO_URL }),
    runner: createHttpRunnerClient({
      fetch: (url, init) => (runnerUrl === null ? demo(new Request(url, init)) : fetch(url, init)),
      clock,
      maxEventBytes,
      headersTimeoutMs: config.runnerHeadersMs,
      silenceMs: config.runnerSilenceMs,
      intakeBudget: createByteBudget(INTAKE_BUDGET),
    }),
    authorizer: createLocalAuthorizer(),
    platform: createLocalPlatform(),
    clock,
    logger: consoleLogger,
    models: config.models,
    forwardHeaders: config.forwardHeaders,
    limits: config.limits,
  });
  const listenHost = config.allowPublic ? null : "localhost";
  const app = createApp({ service, listenHost, hosts, corsOrigins });
  return {
    service,
    fetch: (request) => app.fetch(request),
    async close() {
      await service.close();
      await store.close();
    },
  };
}

/** The store, with no open runs but those of one session: each object closes what it left itself. */
function withMarksOf(key: SessionKey | null, store: LogStore): LogStore {
  return {
    ...store,
    async *openRuns(of = key ?? undefined) {
      if (of !== undefined) yield* store.openRuns(of);
    },
  };
}

export const consoleLogger: Logger = {
  info: (event, facts) => console.info(event, facts),
  warn: (event, facts) => console.warn(event, facts),
  error: (event, facts) => console.error(event, facts),
};
