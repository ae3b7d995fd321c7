import type { AddressInfo } from "node:net";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
  type LocalAgent,
} from "../../adapters/local/index.ts";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { Archiver } from "../../src/core/archive/archiving-store.ts";
import type { LegacyOptions } from "../../src/core/legacy/legacy-imports.ts";
import {
  createSessionService,
  type ServiceLimits,
  type SessionPorts,
} from "../../src/core/service.ts";
import { createHttpServer } from "../../src/entry/http-server.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { createApp } from "../../src/http/app.ts";
import type { SessionRoutesOptions } from "../../src/http/mount-routes.ts";
import type { Authorizer } from "../../src/ports/authorizer.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { LiveFeed } from "../../src/ports/live-feed.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { SessionDirectory } from "../../src/ports/session-directory.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { IMPATIENT, UNREACHABLE } from "../contract/session-routes/harness.ts";
import { startFakeRunner } from "./fake-runner.ts";
import { checked } from "./openapi-check.ts";
import { createFastClock } from "./fast-clock.ts";

export interface TestServerOptions {
  readonly store: LogStore;
  /** Default: nothing archives. */
  readonly archiver?: Archiver;
  readonly limits?: Partial<ServiceLimits>;
  /** Clock of the service; default the machine's. */
  readonly clock?: Clock;
  /** Default: within this process. */
  readonly feed?: LiveFeed;
  readonly maxEventBytes?: number;
  /** Who knows callers and sessions; default: the local ones. */
  readonly platform?: (runnerUrl: string) => PlatformPorts;
  readonly models?: readonly string[];
  /** Agents of the local directory, whose URLs are relative to the runner's address. Default: one without a name. */
  readonly agents?: readonly LocalAgent[];
  readonly legacy?: LegacyOptions;
  /** Who knows callers, if not the platform. */
  readonly authorizer?: Authorizer;
  /** What is to be other than with the platform's directory. */
  readonly directory?: Partial<SessionDirectory>;
  /** Default: nobody is told. */
  readonly logger?: Logger;
  readonly corsOrigins?: readonly string[];
  /** Reaches other servers, how these show that they are such, and where it is recorded who did what. Default: nobody, nowhere. */
  readonly routes?: Pick<SessionRoutesOptions, "audit" | "peerKey" | "peerOf" | "peers">;
}

export type PlatformPorts = Pick<SessionPorts, "authorizer" | "directory" | "platform">;

const silent = { info() {}, warn() {}, error() {} };
const MIB = 1024 * 1024;

/** The whole server in this process, without a socket, and a fake runner on a real one. */
export async function createTestServer(options: TestServerOptions) {
  const { store, archiver = null, limits = {}, clock = systemClock } = options;
  const { agents = [], logger = silent, corsOrigins = [], maxEventBytes = 64 * MIB } = options;
  const runner = await startFakeRunner();
  const localPorts = (runnerUrl: string): PlatformPorts => ({
    authorizer: createLocalAuthorizer(),
    directory: createLocalDirectory({
      store,
      runnerUrl,
      agents: agents.map((agent) => ({ ...agent, url: `${runnerUrl}${agent.url}` })),
    }),
    platform: createLocalPlatform(),
  });
  const ports = (options.platform ?? localPorts)(runner.address);
  const directory: SessionDirectory = {
    ...ports.directory,
    ...options.directory,
    // whoever calls the local one sees the same, and what a test has changed in it
    as: (caller) => (ports.directory.logsMakeSessions ? directory : ports.directory.as(caller)),
    addressOf: async (key, agent) =>
      key.session === UNREACHABLE
        ? runner.unreachableAddress
        : ports.directory.addressOf(key, agent),
  };
  const eventsPath = new URL("events/", runner.address).pathname;
  const runnerOptions = { fetch, maxEventBytes, intakeBudget: createByteBudget(64 * MIB) };
  const fastClient = createHttpRunnerClient({
    ...runnerOptions,
    // only the waiting between attempts, and for the answers to an impatient session, goes by it
    clock: createFastClock(),
    // its time runs a thousand times as fast: these are 30 s
    headersTimeoutMs: 30_000_000,
  });
  const client = createHttpRunnerClient({ ...runnerOptions, clock: systemClock });
  const service = await createSessionService({
    store,
    ...ports,
    ...(options.authorizer && { authorizer: options.authorizer }),
    archiver,
    feed: options.feed ?? createMemoryLiveFeed(),
    directory,
    runner: {
      ...fastClient,
      call: (call) => (call.key.session === IMPATIENT ? fastClient : client).call(call),
    },
    clock,
    logger,
    ...(options.models && { models: options.models }),
    ...(options.legacy && { legacy: options.legacy }),
    // a test that ends does not wait for its runs, nor long for what does not come
    limits: { drainMs: 0, longPollMs: 500, ...limits },
  });
  const app = createApp({
    service,
    listenHost: "127.0.0.1",
    corsOrigins,
    copilotKitProject: "p1",
    ...options.routes,
  });
  return {
    app,
    service,
    /** Paths of the requests for background events. */
    listened: () =>
      runner.requests.map(({ path }) => path).filter((path) => path.startsWith(eventsPath)),
    runner: {
      ...runner,
      get requests() {
        // listening begins by itself, at some moment after a run: no test could count it
        return runner.requests.filter(({ path }) => !path.startsWith(eventsPath));
      },
    },
    fetch: checked(async (path, init) =>
      app.request(new Request(new URL(path, "http://127.0.0.1"), init)),
    ),
    async dispose() {
      await service.close();
      await store.close();
      await runner.close();
    },
  };
}

/** The same server behind a real socket. */
export async function listenTestServer(options: TestServerOptions) {
  const server = await createTestServer(options);
  const listening = createHttpServer(server.app.fetch);
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    ...server,
    port,
    origin,
    fetch: checked((path, init) => fetch(new URL(path, origin), init)),
    async dispose() {
      await server.dispose();
      await new Promise<void>((resolve) => {
        listening.close(() => resolve());
        listening.closeAllConnections();
      });
    },
  };
}
