import { createDemoRunner } from "../../adapters/demo/index.ts";
import { createDiskQuota, type DiskQuota } from "../../adapters/disk/index.ts";
import { createHttpRunnerClient, type SessionToken } from "../../adapters/runner-http/index.ts";
import type { Config } from "../config.ts";
import { createArchives } from "../core/archive/archives.ts";
import { type ArchivingStore, createArchivingStore } from "../core/archive/archiving-store.ts";
import { keepRetention } from "../core/retention/retention.ts";
import { sharedSecret } from "../core/callers/shared-secret.ts";
import { createSessionService, type ServiceCloseOptions } from "../core/service.ts";
import { createApp } from "../http/app.ts";
import { hasCode } from "../ports/errors.ts";
import type { Logger } from "../ports/logger.ts";
import type { RunnerClient } from "../ports/runner-client.ts";
import type { PeerAddress } from "../ports/session-owner.ts";
import { type ByteBudget, createByteBudget } from "../stream/sync/byte-budget.ts";
import { settledWithin } from "../stream/sync/pause.ts";
import { openAudit } from "./audit/open-audit.ts";
import { createHttpServer } from "./http-server.ts";
import { listen } from "./listen.ts";
import { createAccessLog } from "./log/access-log.ts";
import { isWanted } from "./log/levels.ts";
import { createStderrLogger, stderrLogger } from "./log/stderr-logger.ts";
import { followAnswers } from "./open-answers.ts";
import { openPage } from "./open-page.ts";
import { openFeed } from "./open-feed.ts";
import { type OpenBucket, openBucket } from "./open-bucket.ts";
import { nameOfStorage, openStore } from "./open-store.ts";
import { openAuthorize } from "./open-authorize.ts";
import { createPeerClient } from "./peer-client.ts";
import { keepFacts } from "./request-facts.ts";
import { openTelemetry } from "./telemetry/open-telemetry.ts";
import { peerOf } from "./peer-of.ts";
import { openWebhooks } from "./open-webhooks.ts";
import { openTls } from "./tls-keys.ts";
import { openPlatform } from "./platform.ts";
import { createRunnerFetch, type RunnerFetch } from "./runner-fetch.ts";
import { secretOf } from "./secret-of.ts";
import { systemClock } from "./system-clock.ts";

export { createStderrLogger, stderrLogger, systemClock };

export interface RunningServer {
  /** Where it listens, as `http://<host>:<port>`, or `https://…`. */
  readonly url: string;
  /** Ends runs and streams, lets the store go and stops listening. */
  close(options?: ServiceCloseOptions): Promise<StoppedServer>;
}

export interface StoppedServer {
  /** How many runs are still open, since the store did not take their ends: the next start ends them. */
  readonly orphanedRuns: number;
}

export interface StartOptions {
  /**
   * Called when an object store keeps the server waiting for long. Default: the logger, as
   * `waiting`.
   */
  readonly onLong?: (text: string) => void;
}

const INTAKE_BUDGET = 64 * 1024 * 1024;
/** How long in ms a request that has no answer yet is worked on when the server ends: its client may not ask another one. */
const ANSWERS_MS = 5_000;
/** How long in ms connections may take to end when the server does. */
const CONNECTIONS_MS = 2_000;
/** A pod is seen to end a moment after its connections have ended. */
const POD_GRACE_MS = 3_000;

/**
 * Starts the server that `config` describes. Throws what the store throws, or a listen error.
 *
 * @example
 * ```ts
 * import { parseConfig } from "runlog";
 * import { start } from "runlog/node";
 *
 * const server = await start(parseConfig(process.env));
 * console.log(server.url);
 * ```
 */
export async function start(
  config: Config,
  logger: Logger = createStderrLogger({ level: config.logLevel }),
  { onLong = (text) => logger.warn("waiting", { text }) }: StartOptions = {},
): Promise<RunningServer> {
  const clock = systemClock;
  const authorize = await openAuthorize(config.auth, logger);
  const tls = config.tls && (await openTls(config.tls, logger));
  const audit = await openAudit(config.audit, { logger, auth: config.auth.kind });
  const telemetry = await openTelemetry(config, logger);
  const archive = config.archive && (await openBucket(config.archive, onLong));
  const archives = archive && createArchives({ ...archive, clock });
  const { feed, close: closeFeed } = await openFeed(config.nats, { clock, logger });
  const advertised = config.advertiseUrl === null ? null : advertisedAt(config.advertiseUrl);
  const surroundings = { clock, logger, onLong, advertised };
  const {
    store: inner,
    outbox,
    ticketSecret,
    legacy,
  } = await openStore(config, surroundings).catch(async (error: unknown) => {
    await closeFeed();
    throw error;
  });
  const quota = openQuota(config, logger);
  const measured = telemetry?.store(inner) ?? inner;
  const counted = quota?.count(measured) ?? measured;
  const store = createArchivingStore({ store: counted, archives, legacy: legacy?.logs ?? null });
  if (archive) await findArchived(archive, store, logger);
  const isCluster = config.auth.kind === "kubernetes";
  const isDemo = config.runnerUrl === null && config.agents.length === 0 && !isCluster;
  const webhooks =
    config.webhooks &&
    (await openWebhooks(config.webhooks, outbox, logger).catch(async (error: unknown) => {
      await closeFeed();
      await store.close();
      throw error;
    }));
  const { ports, sessionToken } = await openPlatform(config, store, logger);
  const intakeBudget = createByteBudget(INTAKE_BUDGET);
  const runnerFetch = isDemo ? demoFetch() : createRunnerFetch();
  const runner = createRunners(config, runnerFetch, intakeBudget, sessionToken);
  const service = await createSessionService({
    ...ports,
    store,
    archiver: archives && store,
    quota,
    feed,
    runner: telemetry?.runner(runner) ?? runner,
    ...(telemetry && { watch: telemetry.watch }),
    clock,
    logger,
    models: config.models,
    forwardHeaders: config.forwardHeaders,
    ...(legacy && { legacy }),
    webhooks,
    ticketSecret: secretOf(config.ticketKey, sharedSecret(ticketSecret, clock)),
    limits: {
      ...config.limits,
      podGraceMs: isCluster ? POD_GRACE_MS : 0,
    },
  });
  telemetry?.observe(service, intakeBudget);
  const retention =
    config.retention &&
    keepRetention({ service, policy: config.retention, audit: audit?.log ?? null });
  // who is asked for a token is not fooled by a page of another name
  const listenHost = config.allowPublic || config.auth.kind !== "none" ? null : config.host;
  const { corsOrigins, docs, host, hosts, maxConnections } = config;
  const peers = config.storage.kind === "s3" ? createPeerClient() : null;
  const peerKey = advertised?.key ?? null;
  const copilotKitProject = config.copilotKit ? "default" : null;
  const page = config.ui ? await openPage(isDemo ? "demo" : "default") : null;
  const reached = { docs, hosts, corsOrigins, peerOf, peers, peerKey };
  const access = { ...reached, audit: audit?.log ?? null, ...(authorize && { authorize }) };
  const accessLog = isWanted("info", config.logLevel) ? createAccessLog(logger) : null;
  const report = accessLog || telemetry ? keepFacts : null;
  const app = createApp({ ...access, service, listenHost, copilotKitProject, page, report });
  const server = createHttpServer(app.fetch, tls, accessLog ?? {});
  accessLog?.follow(server);
  telemetry?.follow(server);
  const answers = followAnswers(server);
  const listening = await listen(server, { port: config.port, host, maxConnections, logger }).catch(
    async (error: unknown) => {
      await ports.platform.close();
      await closeFeed();
      await store.close();
      throw error;
    },
  );
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `${tls ? "https" : "http"}://${name}:${listening.port}`,
    async close(options = {}) {
      const { onWait = () => {} } = options;
      await retention?.close();
      // it listens on while runs end by themselves: what routes requests learns by `/ready` that it stops
      const { orphanedRuns } = await service.close(options);
      const stopped = listening.close();
      onWait("answers to begin");
      await answers.begun(AbortSignal.timeout(ANSWERS_MS)).catch(() => answers.refuse());
      onWait("connections to end");
      await settledWithin(CONNECTIONS_MS, clock, stopped);
      server.closeAllConnections();
      await peers?.close();
      if (isCluster) onWait("the API server");
      await ports.platform.close();
      await closeFeed();
      onWait(`the store, ${nameOfStorage(config.storage)}`);
      quota?.close();
      await store.close();
      archive?.close();
      await audit?.close();
      await telemetry?.close();
      return { orphanedRuns: await orphanedRuns() };
    },
  };
}

/**
 * Makes stubs for archives without one. An archive that cannot be reached now does not block the
 * sessions that are here.
 */
async function findArchived(
  archive: OpenBucket,
  store: ArchivingStore,
  logger: Logger,
): Promise<void> {
  try {
    await archive.reach();
    const adopted = await store.makeMissingStubs();
    if (adopted > 0) logger.info("archived-sessions-found", { adopted });
  } catch (error) {
    if (!hasCode(error, "store-busy", "store-unanswered")) {
      await store.close();
      throw error;
    }
    logger.error("archive-not-reachable", { error });
  }
}

function createRunners(
  { maxEventBytes, runnerHeadersMs, runnerSilenceMs }: Config,
  fetch: RunnerFetch,
  intakeBudget: ByteBudget,
  sessionToken: SessionToken | null,
): RunnerClient {
  return createHttpRunnerClient({
    fetch,
    clock: systemClock,
    maxEventBytes,
    headersTimeoutMs: runnerHeadersMs,
    silenceMs: runnerSilenceMs,
    intakeBudget,
    ...(sessionToken && { sessionToken }),
  });
}

function openQuota({ diskQuota, storage }: Config, logger: Logger): DiskQuota | null {
  if (diskQuota === null || storage.kind !== "disk") return null;
  return createDiskQuota({ dir: storage.dir, limitBytes: diskQuota, clock: systemClock, logger });
}

/** The address with a secret of this process. */
function advertisedAt(url: string): PeerAddress {
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("base64url");
  return { url, key };
}

function demoFetch(): RunnerFetch {
  const demo = createDemoRunner({ clock: systemClock });
  return (url, init) => demo(new Request(url, init));
}
