import { createDemoRunner } from "../../adapters/demo/index.ts";
import { type Agent, createInProcessRunner } from "../../adapters/in-process/index.ts";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createR2Bucket, type R2BucketLike } from "../../adapters/r2/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { Config } from "../config.ts";
import { sharedSecret } from "../core/callers/shared-secret.ts";
import { createSessionService, type SessionService } from "../core/service.ts";
import { createApp } from "../http/app.ts";
import type { Authorize } from "../http/authorize.ts";
import { createTokenAuthorize } from "../http/token-authorize.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore, SessionKey } from "../ports/log-store.ts";
import { createByteBudget } from "../stream/sync/byte-budget.ts";
import { secretOf } from "./secret-of.ts";
import { systemClock } from "./system-clock.ts";
import { readWorkerConfig } from "./worker-config.ts";

/** What the servers of a worker have in common. */
export interface WorkerServerOptions {
  /** The bucket of the logs. */
  readonly bucket: R2BucketLike;
  /** The bindings of the worker, with the variables that `parseConfig` reads; `authorize` finds them in `c.env`. */
  readonly env: object;
  /** Whose runs are stored. Default: what `RUNNER_URL` names, or else the demo. */
  readonly runner?: string | Agent;
  /** Who calls and what they may do. Default: as `RUNLOG_AUTH` says. */
  readonly authorize?: Authorize;
}

/** A server of one session, or of what concerns none. */
export interface WorkerServer {
  readonly service: SessionService;
  fetch(request: Request): Response | Promise<Response>;
  close(): Promise<void>;
}

/** Where in the bucket the objects find the secret of their tickets. */
const TICKET_SECRET = "secrets/tickets";
const INTAKE_BUDGET = 16 * 1024 * 1024;
/** A runner in this isolate needs no address; this one names it in errors. */
const IN_PROCESS = "http://{session}.{project}.invalid/";

/**
 * Opens the server of a session, or with null one that closes no runs: over the bucket's logs, with the
 * runner that `RUNNER_URL` names or else the demo. Throws ConfigError, and what the bucket throws.
 */
export async function openServer(
  options: WorkerServerOptions,
  key: SessionKey | null,
): Promise<WorkerServer> {
  const { env } = options;
  const config = readWorkerConfig(env);
  const { maxEventBytes, hosts, corsOrigins } = config;
  const agents = options.runner === undefined ? config.agents : [];
  const runner = options.runner ?? config.runnerUrl ?? agents[0]?.url ?? null;
  const { url: runnerUrl, fetch: fetchRunner } = runnerOf(runner);
  const bucket = createR2Bucket(options.bucket);
  const clock = systemClock;
  const store = createObjectLogStore({ bucket, clock, logger: consoleLogger, exclusive: true });
  const service = await createSessionService({
    store: withMarksOf(key, store),
    feed: createMemoryLiveFeed(),
    directory: createLocalDirectory({ store, runnerUrl, agents }),
    runner: createHttpRunnerClient({
      fetch: fetchRunner,
      clock,
      maxEventBytes,
      headersTimeoutMs: config.runnerHeadersMs,
      silenceMs: config.runnerSilenceMs,
      intakeBudget: createByteBudget(INTAKE_BUDGET),
    }),
    authorizer: createLocalAuthorizer(),
    platform: createLocalPlatform(),
    clock,
    logger: consoleLogger,
    models: config.models,
    forwardHeaders: config.forwardHeaders,
    limits: config.limits,
    ticketSecret: secretOf(config.ticketKey, sharedSecret({ bucket, key: TICKET_SECRET }, clock)),
  });
  const authorize = options.authorize ?? (await authorizeBy(config));
  const listenHost = config.allowPublic || authorize ? null : "localhost";
  const access = authorize ? { authorize } : {};
  const app = createApp({ ...access, service, listenHost, docs: config.docs, hosts, corsOrigins });
  return {
    service,
    fetch: (request) => app.fetch(request, env),
    async close() {
      await service.close();
      await store.close();
    },
  };
}

/** How a runner is called: by its URL, in this isolate, or (null) the demo. */
function runnerOf(runner: string | Agent | null): { url: string; fetch: typeof fetch } {
  // a global function of workerd must be called as one
  if (typeof runner === "string") return { url: runner, fetch: (url, init) => fetch(url, init) };
  const inProcess = runner
    ? createInProcessRunner(runner, { logger: consoleLogger })
    : createDemoRunner({ clock: systemClock });
  return { url: IN_PROCESS, fetch: async (url, init) => inProcess(new Request(url, init)) };
}

/** How callers are known that the worker's variables describe; null where nobody is asked. */
async function authorizeBy({ auth }: Config): Promise<Authorize | null> {
  if (auth.kind === "jwt") return (await import("./jwt-authorize.ts")).createJwtAuthorize(auth);
  if (auth.kind !== "token" || "file" in auth.tokens) return null;
  const { tokens } = auth;
  return createTokenAuthorize(() => tokens);
}

/** The store, with no open runs but those of one session: each object closes what it left itself. */
function withMarksOf(key: SessionKey | null, store: LogStore): LogStore {
  return {
    ...store,
    async *openRuns(of = key ?? undefined, options) {
      if (of !== undefined) yield* store.openRuns(of, options);
    },
  };
}

export const consoleLogger: Logger = {
  info: (event, facts) => console.info(event, facts),
  warn: (event, facts) => console.warn(event, facts),
  error: (event, facts) => console.error(event, facts),
};
