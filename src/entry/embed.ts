import { Hono, type MiddlewareHandler } from "hono";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createMemoryLiveFeed } from "../../adapters/memory/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import type { SessionClient } from "../client/index.ts";
import { projectName } from "../core/model/names.ts";
import { readStorage, type StorageConfig } from "../config/storage.ts";
import { readWebhookUrls } from "../config/webhooks.ts";
import { type SecretPlace, sharedSecret } from "../core/callers/shared-secret.ts";
import { createSessionService, type ServiceLimits, type SessionService } from "../core/service.ts";
import { createAgentRoutes } from "../http/agent-routes.ts";
import type { OutboxPlace } from "../core/webhooks/outbox.ts";
import { parseSecrets, SECRET_FORM } from "../core/webhooks/signature.ts";
import type { WebhookOptions } from "../core/webhooks/webhooks.ts";
import { createApp } from "../http/app.ts";
import type { Authorize } from "../http/authorize.ts";
import { hostNames, onlyLoopback, originGuard } from "../http/host-guard.ts";
import { securityHeaders } from "../http/security-headers.ts";
import { createSessionRoutes } from "../http/session-routes.ts";
import { createStreamRoutes } from "../http/stream-routes.ts";
import type { Logger, WriteLog } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { ObjectBucket } from "../ports/object-bucket.ts";
import { createByteBudget } from "../stream/sync/byte-budget.ts";
import { type HostedRunner, hostedAgents, noRunner } from "./hosted-agents.ts";
import { createOwnClient } from "./own-client.ts";
import { openPage } from "./open-page.ts";
import { openStore } from "./open-store.ts";
import { peerOf } from "./peer-of.ts";
import { createRunnerFetch } from "./runner-fetch.ts";
import { loggerBy } from "./log/levels.ts";
import { stderrLogger } from "./log/stderr-logger.ts";
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
   * in this process, as a function that yields events or an `AbstractAgent` of `@ag-ui/client`; or several of
   * these by name, `{ coder: "http://…", support: agent }`, of which each session has one.
   */
  readonly runner: HostedRunner;
  /** Who calls and what they may do. Default: callers on this machine may do everything, others nothing. */
  readonly authorize?: Authorize;
  /** The project of the sessions where the path of `routes` names none. Default `default`. */
  readonly project?: string;
  /** Origins of other sites whose pages may change something. Default: none. */
  readonly corsOrigins?: readonly string[];
  readonly limits?: Partial<ServiceLimits>;
  /**
   * Whether `fetch` serves the inspector, a page to look at sessions, at `/`. Where a host mounts `fetch` at a path, the page is at
   * that path with a slash at its end. Default false.
   */
  readonly ui?: boolean;
  /** Who is told when runs finish, fail, are cancelled or wait for input (PROTOCOL 22). Default: nobody. */
  readonly webhooks?: RunlogWebhooks;
  /** Where it logs, as an object or as one function of the level, the event and its facts. Default: JSON lines to stderr. */
  readonly logger?: Logger | WriteLog;
}

export interface RunlogWebhooks {
  /** One address or several, at most 8, each an http(s) URL. */
  readonly url: string | readonly string[];
  /**
   * What requests are signed with: `whsec_` and 24 to 64 random bytes in base64. Of several each gives a signature, while
   * one takes the place of another.
   */
  readonly secret: string | readonly string[];
  /** Where notices wait until they are delivered. Default: beside the logs; needed where `storage` is a LogStore. */
  readonly outbox?: ObjectBucket;
}

/** A session server in this process. */
export interface Runlog {
  /**
   * The session routes, to be mounted by `app.route()`: at `/sessions` for one project, at
   * `/projects/:projectName/sessions` for many.
   */
  readonly routes: Hono;
  /** The project of the sessions where a path names none. */
  readonly project: string;
  /** The list of the agents, to be mounted in the same way: at `/agents`, at `/projects/:projectName/agents`. */
  readonly agentRoutes: Hono;
  /**
   * The sessions as Durable Streams, for reading and pushing (PROTOCOL 23), to be mounted in the same way: at `/streams`, at
   * `/projects/:projectName/streams`.
   */
  readonly streamRoutes: Hono;
  /** The whole server as `runlog serve` has it, the routes below `/api/projects/…/agentic-sessions`. */
  readonly fetch: (request: Request, env?: object) => Response | Promise<Response>;
  /**
   * A client of the sessions of `project`, without a socket: the host itself, which may do everything and is not asked
   * who it is.
   */
  readonly client: SessionClient;
  /** What is underneath. */
  readonly service: SessionService;
  /**
   * Ends runs and streams and lets the store go; runs that can be taken up again stay open. To be
   * called before the host's own server closes. Idempotent.
   */
  close(): Promise<void>;
}

const INTAKE_BUDGET = 64 * 1024 * 1024;

/**
 * Makes a session server inside a host's own. Without `authorize` it answers requests from this machine
 * only, and says so to others. Throws TypeError for options that cannot be, `invalid-name` for a project, and what the
 * store throws: a directory has one owner, for example.
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
  checkOptions(options);
  const { runner, authorize, corsOrigins = [], limits = {} } = options;
  const { logger: given = stderrLogger } = options;
  const logger = typeof given === "function" ? loggerBy(given) : given;
  const { fetch, ...runners } = hostedAgents(runner, logger);
  const { store, outbox, ticketSecret } = await storeOf(options.storage ?? "file:./data", logger);
  const service = await createSessionService({
    authorizer: createLocalAuthorizer(),
    directory: createLocalDirectory({ store, ...runners, logger }),
    platform: createLocalPlatform(),
    feed: createMemoryLiveFeed(),
    runner: createHttpRunnerClient({
      fetch,
      clock,
      intakeBudget: createByteBudget(INTAKE_BUDGET),
    }),
    store,
    clock,
    logger,
    limits,
    webhooks: options.webhooks ? webhooksOf(options.webhooks, outbox) : null,
    ...(ticketSecret && { ticketSecret: sharedSecret(ticketSecret, clock) }),
  }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });

  const access = { peerOf, ...(authorize && { authorize }) };
  const { project = "default" } = options;
  const inHost = (inner: Hono): Hono => {
    const routes = new Hono();
    routes.use("*", securityHeaders());
    if (!authorize) routes.use("*", onlyLoopback(peerOf));
    routes.use("*", originGuard({ ours: hostNames([]), corsOrigins }));
    if (options.project === undefined) routes.use("*", onePerProject);
    return routes.route("/", inner);
  };
  const mounted = { ...access, project };
  const app = new Hono();
  if (!authorize) app.use("*", onlyLoopback(peerOf));
  const page = options.ui === true ? await openPage(project) : null;
  const server = { service, listenHost: null, corsOrigins, copilotKitProject: project, page };
  app.route("/", createApp({ ...access, ...server }));

  let closing: Promise<void> | null = null;
  return {
    project,
    routes: inHost(createSessionRoutes(service, mounted)),
    agentRoutes: inHost(createAgentRoutes(service, mounted)),
    streamRoutes: inHost(createStreamRoutes(service, mounted)),
    fetch: (request, env) => app.fetch(request, env),
    client: createOwnClient(service, project),
    service,
    close: () => (closing ??= closeAll(service, store)),
  };
}

/** Types do not reach hosts that are written in JavaScript. */
function checkOptions(options: Partial<RunlogOptions> = {}): void {
  const { authorize, corsOrigins, project, runner, storage, webhooks } = options;
  if (runner === undefined) throw noRunner();
  if (authorize !== undefined && typeof authorize !== "function")
    throw new TypeError("authorize must be a function of a request's context");
  if (corsOrigins !== undefined && !Array.isArray(corsOrigins))
    throw new TypeError("corsOrigins must be an array of origins");
  if (project !== undefined) projectName(project);
  if (webhooks === undefined) return;
  if (!readWebhookUrls([webhooks.url].flat()))
    throw new TypeError("webhooks.url must be 1 to 8 http(s) URLs without a user");
  if (!parseSecrets([webhooks.secret].flat().join(",")))
    throw new TypeError(`webhooks.secret must be ${SECRET_FORM}`);
  if (!webhooks.outbox && typeof storage === "object")
    throw new TypeError("webhooks.outbox must be an ObjectBucket where storage is a LogStore");
}

function webhooksOf(
  { url, secret, outbox }: RunlogWebhooks,
  beside: OutboxPlace | null,
): WebhookOptions | null {
  const place = outbox ? { bucket: outbox, prefix: "" } : beside;
  const urls = readWebhookUrls([url].flat());
  const secrets = parseSecrets([secret].flat().join(","));
  if (!place || !urls || !secrets) return null;
  return { urls, outbox: place, secrets: async () => secrets, fetch: createRunnerFetch() };
}

/** Sessions of all tenants in one project are a mistake: a path that tells them apart names the project. */
const onePerProject: MiddlewareHandler = async (c, next) => {
  const [other] = Object.keys(c.req.param()).filter((name) => !OWN_PARAMS.has(name));
  if (other !== undefined && c.req.param("projectName") === undefined)
    throw new TypeError(
      `The routes are mounted at a path with :${other}: name it :projectName, or give createRunlog a project`,
    );
  await next();
};

const OWN_PARAMS: ReadonlySet<string> = new Set([
  "projectName",
  "sessionName",
  "agentName",
  "runId",
  "cursor",
  "taskId",
]);

/** The store, and what lies beside it if it is ours. */
interface HostedStore {
  readonly store: LogStore;
  readonly outbox: OutboxPlace | null;
  readonly ticketSecret: SecretPlace | null;
}

async function storeOf(storage: string | LogStore, logger: Logger): Promise<HostedStore> {
  if (typeof storage !== "string") return { store: storage, outbox: null, ticketSecret: null };
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
  return openStore(config, { clock, logger, onLong });
}

async function closeAll(service: SessionService, store: LogStore): Promise<void> {
  const { orphanedRuns } = await service.close();
  await store.close();
  await orphanedRuns();
}
