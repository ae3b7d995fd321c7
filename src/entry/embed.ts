import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono } from "hono";
import { type Agent, createInProcessRunner } from "../../adapters/in-process/index.ts";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { readStorage, type StorageConfig } from "../config/storage.ts";
import { createSessionService, type ServiceLimits, type SessionService } from "../core/service.ts";
import { createApp } from "../http/app.ts";
import type { Authorize } from "../http/authorize.ts";
import { hostNames, onlyLoopback, originGuard } from "../http/host-guard.ts";
import { securityHeaders } from "../http/security-headers.ts";
import { createSessionRoutes } from "../http/session-routes.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import { createByteBudget } from "../stream/sync/byte-budget.ts";
import { openStore } from "./open-store.ts";
import { createRunnerFetch } from "./runner-fetch.ts";
import { stderrLogger } from "./stderr-logger.ts";
import { systemClock as clock } from "./system-clock.ts";

export * from "../index.ts";

export interface RunlogOptions {
  /**
   * Where logs are: `file:<dir>`, `s3://<bucket>/<prefix>` (needs `@aws-sdk/client-s3`), `memory:`, or a
   * LogStore, which `close` closes as well. Default `file:./data`.
   */
  readonly storage?: string | LogStore;
  /**
   * Whose runs are stored: the URL of a runner, in which `{session}` and `{project}` are filled in, or an agent
   * in this process, as a function that yields events or an `AbstractAgent` of `@ag-ui/client`.
   */
  readonly runner: string | Agent;
  /** Who calls and what they may do. Default: callers on this machine may do everything, others nothing. */
  readonly authorize?: Authorize;
  /** The project of the sessions where the path of `routes` names none. Default `default`. */
  readonly project?: string;
  /** Origins of other sites whose pages may change something. Default: none. */
  readonly corsOrigins?: readonly string[];
  readonly limits?: Partial<ServiceLimits>;
  /** Default: JSON lines to stderr. */
  readonly logger?: Logger;
}

/** A session server in this process. */
export interface Runlog {
  /**
   * The session routes, to be mounted by `app.route()`: at `/sessions` for one project, at
   * `/projects/:projectName/sessions` for many.
   */
  readonly routes: Hono;
  /** The whole server as `runlog serve` has it, the routes below `/api/projects/…/agentic-sessions`. */
  readonly fetch: (request: Request, env?: object) => Response | Promise<Response>;
  /** What is underneath. */
  readonly service: SessionService;
  /**
   * Ends runs and streams and lets the store go; runs that can be taken up again stay open. To be
   * called before the host's own server closes. Idempotent.
   */
  close(): Promise<void>;
}

const INTAKE_BUDGET = 64 * 1024 * 1024;
/** What stands for the address of an agent in this process. */
const IN_PROCESS = "http://{session}.{project}.invalid/";

/**
 * Makes a session server inside a host's own. Without `authorize` it answers requests from this machine
 * only, and says so to others. Throws TypeError for a storage that cannot be, and what the store throws: a
 * directory has one owner, for example.
 *
 * @example
 * ```ts
 * import { serve } from "@hono/node-server";
 * import { Hono } from "hono";
 * import { createRunlog } from "runlog";
 *
 * const runlog = await createRunlog({ storage: "file:./data", runner: "http://localhost:8001/" });
 * const app = new Hono().route("/sessions", runlog.routes);
 * const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 3000 });
 * process.once("SIGTERM", async () => {
 *   await runlog.close();
 *   server.close();
 * });
 * ```
 */
export async function createRunlog(options: RunlogOptions): Promise<Runlog> {
  const { runner, authorize, corsOrigins = [], limits = {}, logger = stderrLogger } = options;
  const store = await storeOf(options.storage ?? "file:./data", logger);
  const isUrl = typeof runner === "string";
  const inProcess = isUrl ? null : createInProcessRunner(runner);
  const service = await createSessionService({
    authorizer: createLocalAuthorizer(),
    directory: createLocalDirectory({ store, runnerUrl: isUrl ? runner : IN_PROCESS, logger }),
    platform: createLocalPlatform(),
    feed: createMemoryLiveFeed(),
    runner: createHttpRunnerClient({
      fetch: inProcess
        ? (url, init): Promise<Response> => inProcess(new Request(url, init))
        : createRunnerFetch(),
      clock,
      intakeBudget: createByteBudget(INTAKE_BUDGET),
    }),
    store,
    clock,
    logger,
    limits,
  }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });

  const access = { peerOf, ...(authorize && { authorize }) };
  const { project = "default" } = options;
  const routes = new Hono();
  routes.use("*", securityHeaders());
  if (!authorize) routes.use("*", onlyLoopback(peerOf));
  routes.use("*", originGuard({ ours: hostNames([]), corsOrigins }));
  routes.route("/", createSessionRoutes(service, { ...access, project }));
  const app = new Hono();
  if (!authorize) app.use("*", onlyLoopback(peerOf));
  app.route("/", createApp({ ...access, service, listenHost: null, corsOrigins }));

  let closing: Promise<void> | null = null;
  return {
    routes,
    fetch: (request, env) => app.fetch(request, env),
    service,
    close: () => (closing ??= closeAll(service, store)),
  };
}

async function storeOf(storage: string | LogStore, logger: Logger): Promise<LogStore> {
  if (typeof storage !== "string") return storage;
  const place: StorageConfig | null = readStorage(storage, "interval", {
    endpoint: null,
    createBucket: false,
  });
  if (!place)
    throw new TypeError(
      `storage must be file:<dir>, s3://<bucket>/<prefix> or memory:, not "${storage}"`,
    );
  const onLong = (text: string): void => logger.warn("waiting", { text });
  const config = { auth: { kind: "none" }, storage: place, legacyProject: null } as const;
  return (await openStore(config, { clock, logger, onLong })).store;
}

async function closeAll(service: SessionService, store: LogStore): Promise<void> {
  const { orphanedRuns } = await service.close();
  await store.close();
  await orphanedRuns();
}

/** The sender's address; null where the host's server does not tell it as `@hono/node-server` does. */
function peerOf(c: Context): string | null {
  try {
    return getConnInfo(c).remote.address ?? null;
  } catch {
    return null;
  }
}
