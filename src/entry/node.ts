import { createAdaptorServer } from "@hono/node-server";
import { createDemoRunner } from "../../adapters/demo/index.ts";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createLocalDirectory } from "../../adapters/local/index.ts";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { Config } from "../config.ts";
import { createSessionService } from "../core/service.ts";
import { createApp } from "../http/app.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import { createByteBudget } from "../stream/byte-budget.ts";
import { ResetResponse } from "./reset-response.ts";
import { createRunnerFetch, type RunnerFetch } from "./runner-fetch.ts";
import { stderrLogger } from "./stderr-logger.ts";
import { systemClock } from "./system-clock.ts";

export { stderrLogger, systemClock };

export interface RunningServer {
  /** Where it listens, as `http://<host>:<port>`. */
  readonly url: string;
  /** Ends runs and streams, lets the store go and stops listening. */
  close(): Promise<void>;
}

/** Connections that wait to be accepted: all viewers of a server that comes back come at once. */
const BACKLOG = 4_096;
const INTAKE_BUDGET = 64 * 1024 * 1024;
/** The demo runner needs no address; this one names it in errors. */
const DEMO_URL = "http://{session}.{project}.demo.invalid/";

/** Starts the server that `config` describes. Throws what the store throws, or a listen error. */
export async function start(config: Config, logger: Logger = stderrLogger): Promise<RunningServer> {
  const store = openStore(config, logger);
  const clock = systemClock;
  const service = await createSessionService({
    store,
    feed: createMemoryLiveFeed(),
    directory: createLocalDirectory({ store, runnerUrl: config.runnerUrl ?? DEMO_URL }),
    runner: createHttpRunnerClient({
      fetch: config.runnerUrl === null ? demoFetch() : createRunnerFetch(),
      clock,
      maxEventBytes: config.maxEventBytes,
      intakeBudget: createByteBudget(INTAKE_BUDGET),
    }),
    clock,
    logger,
    limits: {
      writeDeadlineMs: config.writeDeadlineMs,
      maxStreams: config.maxStreams,
      maxSessionStreams: config.maxSessionStreams,
      replayBytes: config.replayBytes,
      runQueue: config.runQueue,
      runIdleMs: config.runIdleMs,
      sessionIdleMs: config.sessionIdleMs,
      drainMs: config.drainMs,
    },
  });
  const listenHost = config.allowPublic ? null : config.host;
  const app = createApp({ service, listenHost, corsOrigins: config.corsOrigins });
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: { ServerResponse: ResetResponse },
  });
  server.maxConnections = config.maxConnections;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port: config.port, host: config.host, backlog: BACKLOG }, resolve);
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : config.port;
  const name = config.host.includes(":") ? `[${config.host}]` : config.host;
  return {
    url: `http://${name}:${port}`,
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      await service.close();
      if ("closeIdleConnections" in server) server.closeIdleConnections();
      await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
      if ("closeAllConnections" in server) server.closeAllConnections();
      await store.close();
    },
  };
}

function openStore({ storage }: Config, logger: Logger): LogStore {
  return storage.kind === "memory"
    ? createMemoryLogStore()
    : createDiskLogStore({ dir: storage.dir, fsync: storage.fsync, logger });
}

function demoFetch(): RunnerFetch {
  const demo = createDemoRunner({ clock: systemClock });
  return (url, init) => demo(new Request(url, init));
}
