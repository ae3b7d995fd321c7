import {
  ARCHIVE_URL_FORM,
  type ArchiveConfig,
  type StorageConfig,
  type FsyncPolicy,
  readArchive,
  readStorage,
} from "./config/storage.ts";
import { isServiceLink } from "./config/service-links.ts";
import {
  oneOf,
  readUrl,
  readRunnerUrl,
  readHosts,
  readList,
  readNetworks,
  readProject,
  readFlag,
  readInteger,
  readCount,
  readOrigins,
  readBytes,
  readDuration,
  isLoopback,
} from "./config/values.ts";
import { VARIABLES } from "./config/variables.ts";
import type { ServiceLimits } from "./core/service.ts";

const MIB = 1024 * 1024;

/** Everything a server is told from outside, checked. */
/** The limits of the service that an operator sets. */
type ConfiguredLimit =
  | "writeDeadlineMs"
  | "maxStreams"
  | "maxSessionStreams"
  | "replayBytes"
  | "runQueue"
  | "runIdleMs"
  | "runMaxMs"
  | "sessionIdleMs"
  | "drainMs"
  | "reauthMs";

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly storage: StorageConfig;
  /** Where sessions are archived, or null if nowhere. */
  readonly archive: ArchiveConfig | null;
  /** Whether callers are asked who they are. */
  readonly auth: AuthConfig;
  /** URL template of runners, or null: the built-in demo runner, or the cluster's own addresses. */
  readonly runnerUrl: string | null;
  /** The models that sessions may be made with, or null for any. */
  readonly models: readonly string[] | null;
  /** Listening beyond loopback without authentication was asked for explicitly. */
  readonly allowPublic: boolean;
  /** Without authentication: the project that adopts logs of an older system, or null for none. */
  readonly legacyProject: string | null;
  readonly maxEventBytes: number;
  readonly maxConnections: number;
  /** Origins whose pages may call; none by default. */
  readonly corsOrigins: readonly string[];
  /** Names of hosts that are answered to beside loopback and `host`. */
  readonly hosts: readonly string[];
  /** How long in ms a runner may take until its answer begins. */
  readonly runnerHeadersMs: number;
  readonly limits: Pick<ServiceLimits, ConfiguredLimit>;
}

type AuthConfig = { readonly kind: "none" } | KubernetesConfig;

interface KubernetesConfig {
  readonly kind: "kubernetes";
  /** Whether lists are read from the API server each time, or kept by a watch. */
  readonly list: "direct" | "cached";
  /** Addresses and CIDR blocks whose identity headers are believed. */
  readonly trustedProxies: readonly string[];
  /** File that lists the types of runners. */
  readonly registryPath: string;
  /** File that says how the API server is reached, or null: the server runs in its cluster. */
  readonly kubeconfig: string | null;
  /** Runners reach their models without keys of the project. */
  readonly useVertex: boolean;
}

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
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const known = new Set(VARIABLES.map(({ name }) => name));
  for (const [name, text = ""] of Object.entries(env))
    if (name.startsWith("RUNLOG_") && !known.has(name) && !isServiceLink(name, text))
      problems.push(`${name} is not known; --help lists the settings`);

  /** A variable's value by `read`, which returns null for what it does not accept. */
  function value<T>(
    name: string,
    fallback: T,
    read: (text: string) => T | null,
    wanted: string,
  ): T {
    const text = env[name];
    if (text === undefined || text === "") return fallback;
    const result = read(text);
    if (result === null) problems.push(`${name} must be ${wanted}, not "${text}"`);
    return result ?? fallback;
  }

  const isCluster =
    value("RUNLOG_AUTH", "none", oneOf("none", "kubernetes"), "none or kubernetes") ===
    "kubernetes";
  const kubernetes: KubernetesConfig = {
    kind: "kubernetes",
    list: value("RUNLOG_LIST", "cached", oneOf("cached", "direct"), "cached or direct"),
    trustedProxies: value("RUNLOG_TRUSTED_PROXIES", [], readNetworks, "addresses or CIDR blocks"),
    registryPath: env["AGENT_REGISTRY_PATH"] || "/config/registry/agent-registry.json",
    kubeconfig: env["KUBECONFIG"] || null,
    useVertex: /^(1|true)$/i.test(env["USE_VERTEX"] ?? ""),
  };
  if (isCluster && !kubernetes.kubeconfig && !env["KUBERNETES_SERVICE_HOST"])
    problems.push("RUNLOG_AUTH=kubernetes outside of a cluster needs a KUBECONFIG");
  const fsync = value<FsyncPolicy>(
    "RUNLOG_FSYNC",
    "interval",
    oneOf("always", "interval", "never"),
    "always, interval or never",
  );
  const dir = env["STATE_BASE_DIR"];
  if (dir && env["STORAGE_URL"]) problems.push("STORAGE_URL and STATE_BASE_DIR are both set");
  const createBucket = value("RUNLOG_S3_CREATE_BUCKET", false, readFlag, "0 or 1");
  const endpoint = value(
    "AWS_ENDPOINT_URL_S3",
    value("AWS_ENDPOINT_URL", null, readUrl, "an http(s) URL"),
    readUrl,
    "an http(s) URL",
  );
  const storage = value<StorageConfig>(
    "STORAGE_URL",
    { kind: "disk", dir: dir || "./data", fsync },
    (text) => readStorage(text, fsync, { endpoint, createBucket }),
    "file:<dir>, s3://<bucket>/<prefix> or memory:",
  );
  const archive = value<ArchiveConfig | null>(
    "RUNLOG_ARCHIVE_URL",
    null,
    (text) => readArchive(text, { endpoint, createBucket }),
    ARCHIVE_URL_FORM,
  );
  if (createBucket && storage.kind !== "s3" && archive?.kind !== "s3")
    problems.push(
      "RUNLOG_S3_CREATE_BUCKET=1 needs an s3://<bucket>/<prefix>: STORAGE_URL or RUNLOG_ARCHIVE_URL",
    );
  const runnerUrl = value(
    "RUNNER_URL",
    null,
    (text) => readRunnerUrl(isCluster ? text.replaceAll("{port}", "1") : text) && text,
    "an http(s) URL",
  );
  const demo = value("RUNLOG_DEMO", runnerUrl === null && !isCluster, readFlag, "0 or 1");
  if (demo && isCluster)
    problems.push("RUNLOG_DEMO=1 and RUNLOG_AUTH=kubernetes exclude each other");
  if (demo && runnerUrl !== null) problems.push("RUNLOG_DEMO=1 and RUNNER_URL exclude each other");
  if (!demo && runnerUrl === null && !isCluster) problems.push("RUNLOG_DEMO=0 needs a RUNNER_URL");
  const config: Config = {
    host: env["HOST"] || (isCluster ? "0.0.0.0" : "127.0.0.1"),
    port: value("PORT", 8080, (text) => readInteger(text, 65_535), "a port number"),
    storage,
    auth: isCluster ? kubernetes : { kind: "none" },
    archive,
    runnerUrl,
    models: value<readonly string[] | null>("RUNLOG_MODELS", null, readList, "names of models"),
    allowPublic: value("RUNLOG_ALLOW_PUBLIC", false, readFlag, "0 or 1"),
    legacyProject: value("RUNLOG_LEGACY_PROJECT", null, readProject, "a project's name"),
    maxEventBytes: value("RUNLOG_MAX_EVENT_BYTES", 64 * MIB, readBytes, "a size such as 64MiB"),
    runnerHeadersMs: value("RUNLOG_RUNNER_HEADERS", 30_000, readDuration, "a time such as 30s"),
    maxConnections: value("RUNLOG_MAX_CONNECTIONS", 12_000, readCount, "a number"),
    hosts: value("RUNLOG_HOSTS", [], readHosts, "names of hosts without ports"),
    corsOrigins: value("RUNLOG_CORS_ORIGINS", [], readOrigins, "origins such as https://a.example"),
    limits: {
      reauthMs: value("RUNLOG_REAUTH", 300_000, readDuration, "a time such as 5m"),
      writeDeadlineMs: value("RUNLOG_WRITE_DEADLINE", 30_000, readDuration, "a time such as 30s"),
      runQueue: value("RUNLOG_RUN_QUEUE", 8, (text) => readInteger(text, 1_000), "a number"),
      runIdleMs: value<number | null>("RUNLOG_RUN_IDLE", null, readDuration, "a time such as 30m"),
      runMaxMs: value<number | null>("RUNLOG_RUN_MAX", null, readDuration, "a time such as 2h"),
      sessionIdleMs: value("RUNLOG_SESSION_IDLE", 600_000, readDuration, "a time such as 10m"),
      drainMs: value("RUNLOG_DRAIN", 10_000, readDuration, "a time such as 10s"),
      maxStreams: value("RUNLOG_MAX_STREAMS", 10_000, readCount, "a number"),
      maxSessionStreams: value("RUNLOG_MAX_SESSION_STREAMS", 2_000, readCount, "a number"),
      replayBytes: value("RUNLOG_REPLAY_BYTES", 64 * MIB, readBytes, "a size such as 64MiB"),
    },
  };
  if (!isCluster && !isLoopback(config.host) && !config.allowPublic)
    problems.push(
      `HOST=${config.host} is not loopback: without authentication whoever reaches it may do everything; set RUNLOG_ALLOW_PUBLIC=1 if that is meant`,
    );
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}
