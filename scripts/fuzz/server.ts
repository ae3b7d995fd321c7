import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import {
  createMemoryLiveFeed,
  createMemoryLogStore,
  createMemoryObjectBucket,
} from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { createArchives } from "../../src/core/archive/archives.ts";
import { createArchivingStore } from "../../src/core/archive/archiving-store.ts";
import { createSessionService, type SessionService } from "../../src/core/service.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { createApp } from "../../src/http/app.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";
import { type RunnerAnswer, responseOf } from "./runner-inputs.ts";

/** A whole server in this process, without a socket, that archives to memory. */
export interface FuzzServer {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
  /** After the close: throws unless every log is lines that are JSON objects. */
  assertWholeEvents(): Promise<void>;
}

const MIB = 1024 * 1024;
const MAX_EVENT_BYTES = 4_096;
const silent = { info() {}, warn() {}, error() {} };

/** The paths of the app's routes, with their parameters, and the methods of each. */
export async function routesOf(): Promise<{ readonly method: string; readonly path: string }[]> {
  const { service, app } = await createServer([]);
  await service.close();
  return app.routes.filter(({ method }) => method !== "ALL");
}

/** Starts one whose runner gives these answers, over and over, by default over an empty store. */
export async function startFuzzServer(
  answers: readonly RunnerAnswer[],
  store?: LogStore,
): Promise<FuzzServer> {
  const { service, app } = await createServer(answers, store);
  return {
    fetch: async (request) => app.fetch(request),
    async close() {
      await service.close();
    },
    assertWholeEvents: () => assertWholeEvents(service),
  };
}

async function createServer(answers: readonly RunnerAnswer[], inner = createMemoryLogStore()) {
  const archives = createArchives({ bucket: createMemoryObjectBucket(), clock: systemClock });
  const store = createArchivingStore({ store: inner, archives, legacy: null });
  let asked = 0;
  const service = await createSessionService({
    store,
    archiver: store,
    feed: createMemoryLiveFeed(),
    directory: createLocalDirectory({
      store,
      runnerUrl: "http://runner.invalid/",
      agents: ["coder", "support"].map((name) => ({ name, url: "http://{agent}.runner.invalid/" })),
    }),
    runner: createHttpRunnerClient({
      fetch: () => {
        const answer = answers[asked++ % answers.length];
        if (answer === undefined) return Promise.reject(new TypeError("fetch failed"));
        return Promise.resolve(responseOf(answer));
      },
      clock: systemClock,
      intakeBudget: createByteBudget(MIB),
      maxEventBytes: MAX_EVENT_BYTES,
    }),
    authorizer: createLocalAuthorizer(),
    platform: createLocalPlatform(),
    clock: systemClock,
    logger: silent,
    limits: { drainMs: 0 },
  });
  return { service, app: createApp({ service, listenHost: null }) };
}

async function assertWholeEvents({ store }: SessionService): Promise<void> {
  const { items } = await store.list({});
  for (const { project, session, logId } of items) {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of store.read({ project, session }, { logId }))
      chunks.push(chunk.slice());
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      concatBytes(chunks),
    );
    for (const line of text === "" ? [] : text.slice(0, -1).split("\n")) {
      const value: unknown = JSON.parse(line);
      if (typeof value !== "object" || value === null) throw new Error(`no event: ${line}`);
    }
  }
}
