import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { createLocalDirectory } from "../../adapters/local/index.ts";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { Archiver } from "../../src/core/archive/archiving-store.ts";
import { createSessionService, type ServiceLimits } from "../../src/core/service.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { createApp } from "../../src/http/app.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { createByteBudget } from "../../src/stream/byte-budget.ts";
import { IMPATIENT, UNREACHABLE } from "../contract/session-routes/harness.ts";
import { startFakeRunner } from "./fake-runner.ts";
import { createFastClock } from "./fast-clock.ts";

export interface TestServerOptions {
  readonly store: LogStore;
  /** Default: nothing archives. */
  readonly archiver?: Archiver;
  readonly limits?: Partial<ServiceLimits>;
  /** Clock of the service; default the machine's. */
  readonly clock?: Clock;
  readonly maxEventBytes?: number;
}

const silent = { info() {}, warn() {}, error() {} };
const MIB = 1024 * 1024;

/** The whole server in this process, without a socket, and a fake runner on a real one. */
export async function createTestServer(options: TestServerOptions) {
  const { store, archiver = null, limits = {}, clock = systemClock } = options;
  const { maxEventBytes = 64 * MIB } = options;
  const runner = await startFakeRunner();
  const directory = createLocalDirectory({ store, runnerUrl: runner.address });
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
    archiver,
    feed: createMemoryLiveFeed(),
    directory: {
      ...directory,
      addressOf: async (key) =>
        key.session === UNREACHABLE ? runner.unreachableAddress : directory.addressOf(key),
    },
    runner: {
      ...fastClient,
      call: (call) => (call.key.session === IMPATIENT ? fastClient : client).call(call),
    },
    clock,
    logger: silent,
    // a test that ends does not wait for its runs
    limits: { drainMs: 0, ...limits },
  });
  const app = createApp({ service, listenHost: "127.0.0.1" });
  return {
    app,
    service,
    runner: {
      ...runner,
      get requests() {
        // listening begins by itself, at some moment behind a run: no test could count it
        return runner.requests.filter(({ path }) => !path.startsWith(eventsPath));
      },
    },
    fetch: async (path: string, init?: RequestInit): Promise<Response> =>
      app.request(new Request(new URL(path, "http://127.0.0.1"), init)),
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
  const listening = createAdaptorServer({ fetch: server.app.fetch, overrideGlobalObjects: false });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    ...server,
    port,
    origin,
    fetch: (path: string, init?: RequestInit) => fetch(new URL(path, origin), init),
    async dispose() {
      await server.dispose();
      await new Promise<void>((resolve) => {
        listening.close(() => resolve());
        if ("closeAllConnections" in listening) listening.closeAllConnections();
      });
    },
  };
}
