import { type AuthConfig, readAuth } from "./config/auth.ts";
import {
  type ArchiveConfig,
  type StorageConfig,
  readArchive,
  readStorage,
} from "./config/storage.ts";
import { type AgentConfig, readAgents, readAgentUrl } from "./config/agents.ts";
import type { AuditConfig } from "./config/logging.ts";
import { type NatsConfig, readNats } from "./config/nats.ts";
import type { Setting } from "./config/setting.ts";
import { readRetention } from "./config/retention.ts";
import { Secret } from "./config/secret.ts";
import { ALL_SETTINGS, SETTINGS, TICKET_KEY_FORM } from "./config/settings.ts";
import { isServiceLink } from "./config/service-links.ts";
import { readTelemetry, type TelemetryConfig } from "./config/telemetry.ts";
import { readTls, type TlsConfig } from "./config/tls.ts";
import { isLoopback } from "./config/values.ts";
import { readWebhooks, type WebhookConfig } from "./config/webhooks.ts";
import type { RetentionPolicy } from "./core/retention/policy.ts";
import type { ServiceLimits } from "./core/service.ts";
import type { LogLevel } from "./ports/logger.ts";

/** The limits of the service that an operator sets. */
type ConfiguredLimit =
  | "writeDeadlineMs"
  | "maxStreams"
  | "maxSessionStreams"
  | "replayBytes"
  | "runQueue"
  | "runIdleMs"
  | "runMaxMs"
  | "reattachMs"
  | "pushIdleMs"
  | "sessionIdleMs"
  | "drainMs"
  | "stopListenMs"
  | "reauthMs"
  | "ticketMs"
  | "callerRequests"
  | "callerRuns"
  | "callerStreams";

/** The configuration of a server, checked. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** How it speaks TLS, or null for plain HTTP. */
  readonly tls: TlsConfig | null;
  readonly storage: StorageConfig;
  /** Where sessions are archived, or null if nowhere. */
  readonly archive: ArchiveConfig | null;
  /** What becomes of sessions that nobody uses any more, or null for nothing. */
  readonly retention: RetentionPolicy | null;
  /** How replicas hear of each other, or null if they do not. */
  readonly nats: NatsConfig | null;
  /** Who is told what becomes of runs, or null for nobody. */
  readonly webhooks: WebhookConfig | null;
  /** Whether callers are asked who they are. */
  readonly auth: AuthConfig;
  /** The secret of tickets, or null: one that the store keeps. */
  readonly ticketKey: Secret | null;
  /** URL template of runners, or null: those of `agents`, the built-in demo runner, or the cluster's own addresses. */
  readonly runnerUrl: string | null;
  /** The agents that sessions can have, the first being the default; empty: they have one without a name. */
  readonly agents: readonly AgentConfig[];
  /** The models that sessions may be made with, or null for any. */
  readonly models: readonly string[] | null;
  /** Listening beyond loopback without authentication was asked for explicitly. */
  readonly allowPublic: boolean;
  /** Names, in lower case, of headers that go on from who posts a run to its runner. */
  readonly forwardHeaders: readonly string[];
  /** Whether the OpenAPI document is served. */
  readonly docs: boolean;
  /** Whether pages of CopilotKit are served. */
  readonly copilotKit: boolean;
  /** Whether the inspector is served at `/`. */
  readonly ui: boolean;
  /** Without authentication: the project that imports logs of an older system, or null for none. */
  readonly legacyProject: string | null;
  /** Bytes that the directory may hold, or null for as much as there is room. */
  readonly diskQuota: number | null;
  /** Where it is recorded who did what, or null if nowhere. */
  readonly audit: AuditConfig | null;
  /** What it tells of itself to other programs, or null for nothing. */
  readonly telemetry: TelemetryConfig | null;
  /** The least that is logged. */
  readonly logLevel: LogLevel;
  readonly maxEventBytes: number;
  readonly maxConnections: number;
  /** Origins whose pages may call; none by default. */
  readonly corsOrigins: readonly string[];
  /** Names of hosts that are answered to beside loopback and `host`. */
  readonly hosts: readonly string[];
  /** Where other servers that share the storage reach this one, without a slash at its end; null: they do not. */
  readonly advertiseUrl: string | null;
  /** How long in ms a runner may take until its answer begins. */
  readonly runnerHeadersMs: number;
  /** Silence in ms after which the connection of a run that can be taken up counts as broken. */
  readonly runnerSilenceMs: number;
  readonly limits: Pick<ServiceLimits, ConfiguredLimit>;
}

/** So long it takes until what routes requests has heard that a server stops. */
const STOP_LISTEN_MS = 1_500;

/** All that is wrong with a configuration, one line a problem; a line of its own if there is one only. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const [only = "", ...more] = problems;
    const list = problems.map((text) => `  - ${text}`).join("\n");
    super(more.length === 0 ? only : `The configuration has problems:\n${list}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Reads the configuration from an environment. Pure and total: it throws one ConfigError with every
 * problem there is; unknown `RUNLOG_*` names are problems, so that a misspelt one is not ignored, except
 * what a kubelet sets for Services whose names begin with `runlog`.
 *
 * @example
 * ```ts
 * import { parseConfig } from "runlog";
 *
 * const config = parseConfig({ PORT: "8080", RUNNER_URL: "http://127.0.0.1:9000/" });
 * ```
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const known = new Set(ALL_SETTINGS.map(({ name }) => name));
  for (const [name, text = ""] of Object.entries(env))
    if (name.startsWith("RUNLOG_") && !known.has(name) && !isServiceLink(name, text))
      problems.push(`${name} is not known; --help lists the settings`);

  function value<T>({ name, fallback, read, form }: Setting<T>): T {
    const text = env[name];
    // a Service named runlog-metrics sets the name of a setting
    if (text === undefined || text === "" || isServiceLink(name, text)) return fallback;
    const result = read(text);
    if (result === null) problems.push(`${name} must be ${form}, not "${text}"`);
    return result ?? fallback;
  }

  const fsync = value(SETTINGS.fsync);
  const dir = value(SETTINGS.stateBaseDir);
  if (dir && env["STORAGE_URL"]) problems.push("STORAGE_URL and STATE_BASE_DIR are both set");
  const createBucket = value(SETTINGS.createBucket);
  const endpoint = value({ ...SETTINGS.s3Endpoint, fallback: value(SETTINGS.endpoint) });
  const storage = value<StorageConfig>({
    ...SETTINGS.storage,
    fallback: { kind: "disk", dir: dir ?? "./data", fsync },
    read: (text) => readStorage(text, fsync, { endpoint, createBucket }),
  });
  const auth = readAuth(value, storage.kind === "disk" ? storage.dir : null, problems);
  const isCluster = auth.kind === "kubernetes";
  if (isCluster && !auth.kubeconfig && !env["KUBERNETES_SERVICE_HOST"])
    problems.push("RUNLOG_AUTH=kubernetes outside of a cluster needs a KUBECONFIG");
  const archive = value<ArchiveConfig | null>({
    ...SETTINGS.archive,
    fallback: null,
    read: (text) => readArchive(text, { endpoint, createBucket }),
  });
  if (createBucket && storage.kind !== "s3" && archive?.kind !== "s3")
    problems.push(
      "RUNLOG_S3_CREATE_BUCKET=1 needs an s3://<bucket>/<prefix>: STORAGE_URL or RUNLOG_ARCHIVE_URL",
    );
  const givenUrl = value({
    ...SETTINGS.runnerUrl,
    read: (text) => readAgentUrl(isCluster ? text.replaceAll("{port}", "1") : text) && text,
  });
  const agents = readAgents(value(SETTINGS.agents), { runnerUrl: givenUrl, isCluster }, problems);
  const runnerUrl = agents.length > 0 ? null : givenUrl;
  const hasRunner = givenUrl !== null || agents.length > 0;
  const demo = value({ ...SETTINGS.demo, fallback: !hasRunner && !isCluster });
  if (demo && isCluster)
    problems.push("RUNLOG_DEMO=1 and RUNLOG_AUTH=kubernetes exclude each other");
  if (demo && agents.length > 0)
    problems.push("RUNLOG_DEMO=1 and RUNLOG_AGENTS exclude each other");
  else if (demo && hasRunner) problems.push("RUNLOG_DEMO=1 and RUNNER_URL exclude each other");
  if (!demo && !hasRunner && !isCluster)
    problems.push("RUNLOG_DEMO=0 needs a RUNNER_URL or RUNLOG_AGENTS");
  const copilotKit = value({ ...SETTINGS.copilotKit, fallback: !isCluster });
  if (copilotKit && isCluster)
    problems.push(
      "RUNLOG_COPILOTKIT=1 and RUNLOG_AUTH=kubernetes exclude each other: threads are made by their pages, sessions of a cluster are not",
    );
  // the page holds nothing but itself: what it shows is asked for with its user's token
  const ui = value({ ...SETTINGS.ui, fallback: auth.kind === "none" });
  const host = value(SETTINGS.host) ?? (isCluster ? "0.0.0.0" : "127.0.0.1");
  const config: Config = {
    host,
    port: value(SETTINGS.port),
    tls: readTls(value, problems),
    storage,
    auth,
    ticketKey: readTicketKey(value(SETTINGS.ticketKey), problems),
    archive,
    retention: readRetention(value, { archives: archive !== null, isCluster }, problems),
    nats: readNats(value, storage.kind === "s3", problems),
    webhooks: readWebhooks(value, problems),
    runnerUrl,
    agents,
    models: value(SETTINGS.models),
    forwardHeaders: value(SETTINGS.forwardHeaders),
    allowPublic: value(SETTINGS.allowPublic),
    docs: value(SETTINGS.docs),
    copilotKit,
    ui,
    legacyProject: value(SETTINGS.legacyProject),
    diskQuota: value(SETTINGS.diskQuota),
    audit: value(SETTINGS.audit),
    telemetry: readTelemetry(value),
    logLevel: value(SETTINGS.logLevel),
    maxEventBytes: value(SETTINGS.maxEventBytes),
    runnerHeadersMs: value(SETTINGS.runnerHeaders),
    runnerSilenceMs: value(SETTINGS.runnerSilence),
    maxConnections: value(SETTINGS.maxConnections),
    hosts: value(SETTINGS.hosts),
    advertiseUrl: value(SETTINGS.advertiseUrl),
    corsOrigins: value(SETTINGS.corsOrigins),
    limits: {
      reauthMs: value(SETTINGS.reauth),
      ticketMs: value(SETTINGS.ticket),
      callerRequests: value(SETTINGS.callerRequests),
      callerRuns: value(SETTINGS.callerRuns),
      callerStreams: value(SETTINGS.callerStreams),
      writeDeadlineMs: value(SETTINGS.writeDeadline),
      runQueue: value(SETTINGS.runQueue),
      runIdleMs: value(SETTINGS.runIdle),
      runMaxMs: value(SETTINGS.runMax),
      reattachMs: value(SETTINGS.reattach),
      pushIdleMs: value(SETTINGS.pushIdle),
      sessionIdleMs: value(SETTINGS.sessionIdle),
      drainMs: value(SETTINGS.drain),
      // nobody routes requests to loopback
      stopListenMs: value(SETTINGS.stopListen) ?? (isLoopback(host) ? 0 : STOP_LISTEN_MS),
      maxStreams: value(SETTINGS.maxStreams),
      maxSessionStreams: value(SETTINGS.maxSessionStreams),
      replayBytes: value(SETTINGS.replayBytes),
    },
  };
  if (auth.kind === "none" && !isLoopback(config.host) && !config.allowPublic)
    problems.push(
      `HOST=${config.host} is not loopback: without authentication whoever reaches it may do everything; set RUNLOG_AUTH, or RUNLOG_ALLOW_PUBLIC=1 if that is meant`,
    );
  if (config.advertiseUrl !== null && storage.kind !== "s3")
    problems.push("RUNLOG_ADVERTISE_URL needs a STORAGE_URL that servers can share, s3://…");
  if (config.diskQuota !== null && storage.kind !== "disk")
    problems.push("RUNLOG_DISK_QUOTA needs a STORAGE_URL on a disk, file:<dir>");
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** The problem does not have the text, which is or was meant to be secret. */
function readTicketKey(text: string | null, problems: string[]): Secret | null {
  if (text === null) return null;
  if (text.length < MIN_TICKET_KEY) problems.push(`RUNLOG_TICKET_KEY must be ${TICKET_KEY_FORM}`);
  return new Secret(text);
}

const MIN_TICKET_KEY = 32;
