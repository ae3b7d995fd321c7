import { env } from "cloudflare:test";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createR2Bucket } from "../../adapters/r2/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { createSessionService } from "../../src/core/service.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { createApp } from "../../src/http/app.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { sessionRoutesContract, storedSessionsContract } from "../contract/index.ts";
import { type SessionRoutesHarness, UNREACHABLE } from "../contract/session-routes/harness.ts";
import { createScriptedFetch } from "../support/scripted-fetch.ts";

const MIB = 1024 * 1024;
const silent = { info() {}, warn() {}, error() {} };

/** Only the waiting between attempts goes by this clock: a minute of it is over in 60 ms. */
const fastClock: Clock = {
  now: () => systemClock.now(),
  after: (ms, fn) => systemClock.after(ms / 1000, fn),
  every: (ms, fn) => systemClock.every(ms / 1000, fn),
};

/** workerd fills the log with warnings when `text()` reads what is not called text, as JSON lines. */
function quiet(response: Response): Response {
  const text = async (): Promise<string> => new TextDecoder().decode(await response.arrayBuffer());
  return Object.assign(response, { text });
}

function createHarness(openStore: () => LogStore): () => Promise<SessionRoutesHarness> {
  return async () => {
    const store = openStore();
    const runner = createScriptedFetch();
    const directory = createLocalDirectory({ store, runnerUrl: runner.address });
    const service = await createSessionService({
      store,
      feed: createMemoryLiveFeed(),
      directory: {
        ...directory,
        addressOf: async (key) =>
          key.session === UNREACHABLE ? runner.unreachableAddress : directory.addressOf(key),
      },
      runner: createHttpRunnerClient({
        fetch: runner.fetch,
        clock: fastClock,
        intakeBudget: createByteBudget(64 * MIB),
        // 30 s of the fast clock
        headersTimeoutMs: 30_000_000,
      }),
      authorizer: createLocalAuthorizer(),
      platform: createLocalPlatform(),
      clock: systemClock,
      logger: silent,
      // a test waits for what does not come, and for no run that has ended with it
      limits: { drainMs: 0, longPollMs: 500 },
    });
    const app = createApp({ service, listenHost: "localhost" });
    return {
      runner: {
        ...runner,
        // listening begins by itself, at some moment after a run: no test could count it
        get requests() {
          return runner.requests.filter(({ path }) => !path.includes("/events/"));
        },
      },
      fetch: async (path, init) =>
        quiet(await app.request(new Request(new URL(path, "http://localhost"), init))),
      async dispose() {
        await service.close();
        await store.close();
        await runner.close();
      },
    };
  };
}

const bucket = createR2Bucket(env.BUCKET);

sessionRoutesContract("in workerd, in memory", { create: createHarness(createMemoryLogStore) });
storedSessionsContract("in workerd, over R2", {
  create: createHarness(() =>
    createObjectLogStore({
      bucket,
      prefix: `${crypto.randomUUID()}/`,
      clock: systemClock,
      batchMs: 5,
      exclusive: true,
    }),
  ),
});
