import { isLabel } from "./core/names.ts";
import { isNetwork } from "./network.ts";

/** Everything a server is told from outside, checked. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly storage: StorageConfig;
  /** Whether callers are asked who they are. */
  readonly auth: AuthConfig;
  /** URL template of runners, or null: the built-in demo runner, or the cluster's own addresses. */
  readonly runnerUrl: string | null;
  /** The models that sessions may be made with, or null for any. */
  readonly models: readonly string[] | null;
  readonly reauthMs: number;
  /** Listening beyond loopback without authentication was asked for explicitly. */
  readonly allowPublic: boolean;
  /** Without authentication: the project that adopts logs of an older system, or null for none. */
  readonly legacyProject: string | null;
  readonly maxEventBytes: number;
  readonly writeDeadlineMs: number;
  readonly maxStreams: number;
  readonly maxSessionStreams: number;
  readonly maxConnections: number;
  readonly replayBytes: number;
  /** Origins whose pages may call; none by default. */
  readonly corsOrigins: readonly string[];
  readonly runQueue: number;
  /** Null: silence never ends a run. */
  readonly runIdleMs: number | null;
  readonly sessionIdleMs: number;
  readonly drainMs: number;
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

type FsyncPolicy = "always" | "interval" | "never";

type StorageConfig =
  | { readonly kind: "disk"; readonly dir: string; readonly fsync: FsyncPolicy }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      /** Begins all keys: "" or a name that ends with a slash. */
      readonly prefix: string;
      /** Null: Amazon's. */
      readonly endpoint: string | null;
      readonly createBucket: boolean;
    }
  | { readonly kind: "memory" };

/** All that is wrong with a configuration, one line a problem. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration has problems:\n${problems.map((text) => `  - ${text}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** A variable, what it means and what it is when it is not set: the help text is made from these. */
export interface Variable {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
}

export const VARIABLES: readonly Variable[] = [
  { name: "PORT", fallback: "8080", meaning: "port to listen on; 0 takes a free one" },
  {
    name: "HOST",
    fallback: "127.0.0.1; 0.0.0.0 with RUNLOG_AUTH=kubernetes",
    meaning: "address to listen on",
  },
  {
    name: "STORAGE_URL",
    fallback: "file:./data",
    meaning: "file:<dir>, s3://<bucket>/<prefix> (AWS_* as the AWS SDK reads them) or memory:",
  },
  { name: "STATE_BASE_DIR", fallback: "", meaning: "the same as STORAGE_URL=file:<dir>" },
  {
    name: "RUNNER_URL",
    fallback: "",
    meaning: "URL of runners; {session}, {project} and, in a cluster, {port} are filled in",
  },
  {
    name: "RUNLOG_DEMO",
    fallback: "1 without RUNNER_URL and cluster",
    meaning: "1: use the built-in demo runner",
  },
  {
    name: "RUNLOG_AUTH",
    fallback: "none",
    meaning: "none (everybody may do everything) or kubernetes (the API server is asked)",
  },
  {
    name: "RUNLOG_REAUTH",
    fallback: "5m",
    meaning: "how often it is asked again whether an open stream may go on",
  },
  {
    name: "RUNLOG_LIST",
    fallback: "cached",
    meaning: "in a cluster: cached (a watch keeps the sessions) or direct (each list is read)",
  },
  {
    name: "RUNLOG_TRUSTED_PROXIES",
    fallback: "",
    meaning: "in a cluster: addresses or CIDR blocks whose identity headers are believed",
  },
  {
    name: "RUNLOG_MODELS",
    fallback: "",
    meaning: "models that sessions may be made with, comma-separated; any if not set",
  },
  {
    name: "AGENT_REGISTRY_PATH",
    fallback: "/config/registry/agent-registry.json",
    meaning: "in a cluster: the types of runners and their ports",
  },
  {
    name: "KUBECONFIG",
    fallback: "",
    meaning: "with RUNLOG_AUTH=kubernetes, outside the cluster: how its API server is reached",
  },
  {
    name: "USE_VERTEX",
    fallback: "",
    meaning: "in a cluster, true: runners need no keys of their project",
  },
  {
    name: "RUNLOG_ALLOW_PUBLIC",
    fallback: "0",
    meaning: "1: listen beyond loopback without authentication",
  },
  {
    name: "RUNLOG_LEGACY_PROJECT",
    fallback: "",
    meaning: "project that adopts old logs in <dir>/sessions",
  },
  {
    name: "RUNLOG_FSYNC",
    fallback: "interval",
    meaning: "always, interval (1 s and run ends) or never",
  },
  {
    name: "RUNLOG_S3_CREATE_BUCKET",
    fallback: "0",
    meaning: "1: make the bucket of STORAGE_URL if it is not there",
  },
  {
    name: "RUNLOG_MAX_EVENT_BYTES",
    fallback: "64MiB",
    meaning: "larger events are replaced by a note",
  },
  {
    name: "RUNLOG_WRITE_DEADLINE",
    fallback: "30s",
    meaning: "how long a client may take over one chunk",
  },
  {
    name: "RUNLOG_RUN_QUEUE",
    fallback: "8",
    meaning: "runs of a session that wait behind the active one",
  },
  { name: "RUNLOG_RUN_IDLE", fallback: "off", meaning: "silence of a runner that ends its run" },
  {
    name: "RUNLOG_SESSION_IDLE",
    fallback: "10m",
    meaning: "how long the state of an unused session is kept",
  },
  {
    name: "RUNLOG_DRAIN",
    fallback: "10s",
    meaning: "how long a stop waits for runs to end by themselves",
  },
  { name: "RUNLOG_MAX_STREAMS", fallback: "10000", meaning: "streams open at once" },
  {
    name: "RUNLOG_MAX_SESSION_STREAMS",
    fallback: "2000",
    meaning: "streams of one session open at once",
  },
  {
    name: "RUNLOG_MAX_CONNECTIONS",
    fallback: "12000",
    meaning: "connections open at once; more are closed unanswered",
  },
  {
    name: "RUNLOG_REPLAY_BYTES",
    fallback: "32MiB",
    meaning: "memory of all replays; with less left they read in smaller pieces",
  },
  {
    name: "RUNLOG_CORS_ORIGINS",
    fallback: "",
    meaning: "origins whose pages may call, comma-separated",
  },
];

/**
 * Reads the configuration from an environment. Pure and total: it throws one ConfigError with every
 * problem there is; unknown `RUNLOG_*` names are problems, so that a misspelt one is not ignored.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const known = new Set(VARIABLES.map(({ name }) => name));
  for (const name of Object.keys(env))
    if (name.startsWith("RUNLOG_") && !known.has(name)) problems.push(`${name} is not known`);

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
    (text) => readStorage(text, { fsync, endpoint, createBucket }),
    "file:<dir>, s3://<bucket>/<prefix> or memory:",
  );
  if (createBucket && storage.kind !== "s3")
    problems.push("RUNLOG_S3_CREATE_BUCKET=1 needs a STORAGE_URL=s3://<bucket>/<prefix>");
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
    runnerUrl,
    models: value<readonly string[] | null>("RUNLOG_MODELS", null, readList, "names of models"),
    reauthMs: value("RUNLOG_REAUTH", 300_000, readDuration, "a time such as 5m"),
    allowPublic: value("RUNLOG_ALLOW_PUBLIC", false, readFlag, "0 or 1"),
    legacyProject: value("RUNLOG_LEGACY_PROJECT", null, readProject, "a project's name"),
    maxEventBytes: value("RUNLOG_MAX_EVENT_BYTES", 64 * MIB, readBytes, "a size such as 64MiB"),
    writeDeadlineMs: value("RUNLOG_WRITE_DEADLINE", 30_000, readDuration, "a time such as 30s"),
    runQueue: value("RUNLOG_RUN_QUEUE", 8, (text) => readInteger(text, 1_000), "a number"),
    runIdleMs: value<number | null>("RUNLOG_RUN_IDLE", null, readDuration, "a time such as 30m"),
    sessionIdleMs: value("RUNLOG_SESSION_IDLE", 600_000, readDuration, "a time such as 10m"),
    drainMs: value("RUNLOG_DRAIN", 10_000, readDuration, "a time such as 10s"),
    maxStreams: value("RUNLOG_MAX_STREAMS", 10_000, readCount, "a number"),
    maxSessionStreams: value("RUNLOG_MAX_SESSION_STREAMS", 2_000, readCount, "a number"),
    maxConnections: value("RUNLOG_MAX_CONNECTIONS", 12_000, readCount, "a number"),
    replayBytes: value("RUNLOG_REPLAY_BYTES", 32 * MIB, readBytes, "a size such as 32MiB"),
    corsOrigins: value("RUNLOG_CORS_ORIGINS", [], readOrigins, "origins such as https://a.example"),
  };
  if (!isCluster && !isLoopback(config.host) && !config.allowPublic)
    problems.push(
      `HOST=${config.host} is not loopback: without authentication set RUNLOG_ALLOW_PUBLIC=1 if that is meant`,
    );
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

const MIB = 1024 * 1024;

function oneOf<T extends string>(...words: readonly T[]): (text: string) => T | null {
  return (text) => words.find((word) => word === text) ?? null;
}

interface StorageSettings {
  readonly fsync: FsyncPolicy;
  readonly endpoint: string | null;
  readonly createBucket: boolean;
}

function readStorage(text: string, settings: StorageSettings): StorageConfig | null {
  const { fsync, endpoint, createBucket } = settings;
  if (text === "memory:") return { kind: "memory" };
  const [, bucket, path = ""] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._/-]*))?$/.exec(text) ?? [];
  if (bucket !== undefined) {
    const names = path.split("/").filter((name) => name !== "");
    if (names.includes(".") || names.includes("..")) return null;
    const prefix = names.map((name) => `${name}/`).join("");
    return { kind: "s3", bucket, prefix, endpoint, createBucket };
  }
  const dir = /^file:(?:\/\/)?(.+)$/.exec(text)?.[1];
  return dir === undefined ? null : { kind: "disk", dir, fsync };
}

function readUrl(text: string): string | null {
  const url = URL.parse(text);
  return url && /^https?:$/.test(url.protocol) && url.username === "" ? text : null;
}

function readRunnerUrl(text: string): string | null {
  try {
    // the braces of the template are no part of a host name that a URL parser accepts
    const url = new URL(text.replace(/\{(session|project)\}/g, "x"));
    return /^https?:$/.test(url.protocol) && url.username === "" ? text : null;
  } catch {
    return null;
  }
}

function readList(text: string): readonly string[] | null {
  const items = text.split(",").map((item) => item.trim());
  return items.includes("") ? null : items;
}

function readNetworks(text: string): readonly string[] | null {
  const items = readList(text);
  return items?.every(isNetwork) ? items : null;
}

function readProject(text: string): string | null {
  return isLabel(text) ? text : null;
}

function readFlag(text: string): boolean | null {
  return text === "1" ? true : text === "0" ? false : null;
}

function readInteger(text: string, max: number): number | null {
  return /^\d+$/.test(text) && Number(text) <= max ? Number(text) : null;
}

function readCount(text: string): number | null {
  return readInteger(text, 1_000_000);
}

/** Origins as a browser writes them. No `*`: whoever may call is named. */
function readOrigins(text: string): string[] | null {
  const origins = text.split(",").map((origin) => origin.trim());
  const isOrigin = (origin: string): boolean =>
    URL.canParse(origin) && /^https?:/.test(origin) && new URL(origin).origin === origin;
  return origins.every(isOrigin) ? origins : null;
}

function readBytes(text: string): number | null {
  const [, number, unit = ""] = /^(\d+)(|[KMG]i?B?)$/.exec(text) ?? [];
  if (number === undefined) return null;
  const bytes = Number(number) * 1024 ** ["", "K", "M", "G"].indexOf(unit.slice(0, 1));
  return bytes >= 1024 && bytes <= 1024 * MIB ? bytes : null;
}

function readDuration(text: string): number | null {
  const [, number, unit = "s"] = /^(\d+)(ms|s|m|h)?$/.exec(text) ?? [];
  if (number === undefined) return null;
  const ms = Number(number) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 1000);
  return ms >= 100 && ms <= 86_400_000 ? ms : null;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
