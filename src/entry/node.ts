import { createAdaptorServer } from "@hono/node-server";
import { createDemoRunner } from "../../adapters/demo/index.ts";
import { createLocalDirectory } from "../../adapters/local/index.ts";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { Config } from "../config.ts";
import { createSessionService } from "../core/service.ts";
import { createApp } from "../http/app.ts";
import type { Logger } from "../ports/logger.ts";
import { createByteBudget } from "../stream/byte-budget.ts";
import { openStore } from "./open-store.ts";
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

const INTAKE_BUDGET = 64 * 1024 * 1024;
/** The demo runner needs no address; this one names it in errors. */
const DEMO_URL = "http://{session}.{project}.demo.invalid/";

/** Starts the server that `config` describes. Throws what the store throws, or a listen error. */
export async function start(config: Config, logger: Logger = stderrLogger): Promise<RunningServer> {
  const clock = systemClock;
  const store = await openStore(config.storage, { clock, logger });
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
      runQueue: config.runQueue,
      runIdleMs: config.runIdleMs,
      sessionIdleMs: config.sessionIdleMs,
      drainMs: config.drainMs,
    },
  });
  const listenHost = config.allowPublic ? null : config.host;
  const app = createApp({ service, listenHost });
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(config.port, config.host, resolve);
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

function demoFetch(): RunnerFetch {
  const demo = createDemoRunner({ clock: systemClock });
  return (url, init) => demo(new Request(url, init));
}
