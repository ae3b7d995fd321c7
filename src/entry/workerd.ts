import { createDemoRunner } from "../../adapters/demo/index.ts";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { createSessionService } from "../core/service.ts";
import { createApp } from "../http/app.ts";
import type { Logger } from "../ports/logger.ts";
import { createByteBudget } from "../stream/byte-budget.ts";
import { systemClock } from "./system-clock.ts";

/** The part of a Durable Object namespace that is used here. */
interface DurableObjects {
  idFromName(name: string): unknown;
  get(id: unknown): { fetch(request: Request): Promise<Response> };
}

interface Env {
  readonly RUNLOG: DurableObjects;
}

const INTAKE_BUDGET = 16 * 1024 * 1024;

/**
 * The server in one Durable Object, with the demo runner and logs in memory: for local development.
 * Isolates share nothing and cannot await each other's promises, so whoever writes and whoever
 * watches a session have to be in one object.
 */
export class RunlogObject {
  readonly #app: Promise<ReturnType<typeof createApp>>;

  constructor() {
    const store = createMemoryLogStore();
    const demo = createDemoRunner({ clock: systemClock });
    this.#app = createSessionService({
      store,
      feed: createMemoryLiveFeed(),
      directory: createLocalDirectory({
        store,
        runnerUrl: "http://{session}.{project}.demo.invalid/",
      }),
      runner: createHttpRunnerClient({
        fetch: (url, init) => demo(new Request(url, init)),
        clock: systemClock,
        intakeBudget: createByteBudget(INTAKE_BUDGET),
      }),
      authorizer: createLocalAuthorizer(),
      platform: createLocalPlatform(),
      clock: systemClock,
      logger: consoleLogger,
    }).then((service) => createApp({ service, listenHost: "localhost" }));
  }

  async fetch(request: Request): Promise<Response> {
    return (await this.#app).fetch(request);
  }
}

const consoleLogger: Logger = {
  info: (event, facts) => console.info(event, facts),
  warn: (event, facts) => console.warn(event, facts),
  error: (event, facts) => console.error(event, facts),
};

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const plain = new Request(request);
    // workerd packs a body by its Content-Encoding header itself: one that is packed comes out twice
    plain.headers.delete("Accept-Encoding");
    return env.RUNLOG.get(env.RUNLOG.idFromName("runlog")).fetch(plain);
  },
};
