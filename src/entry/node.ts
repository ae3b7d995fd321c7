import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";
import { createDemoRunner } from "../../adapters/demo/index.ts";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { Config } from "../config.ts";
import { createArchives } from "../core/archive/archives.ts";
import { type ArchivingStore, createArchivingStore } from "../core/archive/archiving-store.ts";
import { createSessionService } from "../core/service.ts";
import { createApp } from "../http/app.ts";
import { hasCode } from "../ports/errors.ts";
import type { Logger } from "../ports/logger.ts";
import { createByteBudget } from "../stream/byte-budget.ts";
import { createHttpServer } from "./http-server.ts";
import { listen } from "./listen.ts";
import { openBucket } from "./open-bucket.ts";
import { openStore } from "./open-store.ts";
import { openPlatform } from "./platform.ts";
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
/** A pod is seen to end a moment after its connections have ended. */
const POD_GRACE_MS = 3_000;

/** Starts the server that `config` describes. Throws what the store throws, or a listen error. */
export async function start(config: Config, logger: Logger = stderrLogger): Promise<RunningServer> {
  const clock = systemClock;
  const bucket = config.archive && (await openBucket(config.archive));
  const archives = bucket && createArchives({ ...bucket, clock });
  const { store: inner, legacy } = await openStore(config, { clock, logger });
  const store = createArchivingStore({ store: inner, archives, legacy: legacy?.logs ?? null });
  await adoptArchived(store, logger);
  const isCluster = config.auth.kind === "kubernetes";
  const isDemo = config.runnerUrl === null && !isCluster;
  const { ports, sessionToken } = await openPlatform(config, store, logger);
  const service = await createSessionService({
    ...ports,
    store,
    archiver: archives && store,
    feed: createMemoryLiveFeed(),
    runner: createHttpRunnerClient({
      fetch: isDemo ? demoFetch() : createRunnerFetch(),
      clock,
      maxEventBytes: config.maxEventBytes,
      intakeBudget: createByteBudget(INTAKE_BUDGET),
      ...(sessionToken && { sessionToken }),
    }),
    clock,
    logger,
    models: config.models,
    ...(legacy && { legacy }),
    limits: {
      writeDeadlineMs: config.writeDeadlineMs,
      maxStreams: config.maxStreams,
      maxSessionStreams: config.maxSessionStreams,
      replayBytes: config.replayBytes,
      runQueue: config.runQueue,
      runIdleMs: config.runIdleMs,
      runMaxMs: config.runMaxMs,
      sessionIdleMs: config.sessionIdleMs,
      drainMs: config.drainMs,
      reauthMs: config.reauthMs,
      podGraceMs: isCluster ? POD_GRACE_MS : 0,
    },
  });
  // who is asked for a token is not fooled by a page of another name
  const listenHost = config.allowPublic || isCluster ? null : config.host;
  const { corsOrigins, hosts } = config;
  const app = createApp({ service, listenHost, hosts, corsOrigins, peerOf });
  const server = createHttpServer(app.fetch);
  const { host, maxConnections } = config;
  const listening = await listen(server, { port: config.port, host, maxConnections, logger }).catch(
    async (error: unknown) => {
      await ports.platform.close();
      await store.close();
      throw error;
    },
  );
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${listening.port}`,
    async close() {
      const stopped = listening.close();
      await service.close();
      server.closeIdleConnections();
      await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
      server.closeAllConnections();
      await ports.platform.close();
      await store.close();
      bucket?.close();
    },
  };
}

/** An archive that cannot be reached now keeps nobody from the sessions that are here. */
async function adoptArchived(store: ArchivingStore, logger: Logger): Promise<void> {
  try {
    const adopted = await store.adopt();
    if (adopted > 0) logger.info("archived-sessions-found", { adopted });
  } catch (error) {
    if (!hasCode(error, "store-busy", "store-unanswered")) {
      await store.close();
      throw error;
    }
    logger.error("archive-not-reachable", { error });
  }
}

function peerOf(c: Context): string | null {
  return getConnInfo(c).remote.address ?? null;
}

function demoFetch(): RunnerFetch {
  const demo = createDemoRunner({ clock: systemClock });
  return (url, init) => demo(new Request(url, init));
}
