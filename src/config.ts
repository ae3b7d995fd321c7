/** Everything a server is told from outside, checked. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly storage: StorageConfig;
  /** Where sessions are archived, or null if nowhere. */
  readonly archive: ArchiveConfig | null;
  /** URL template of runners, or null for the built-in demo runner. */
  readonly runnerUrl: string | null;
  /** Listening beyond loopback without authentication was asked for explicitly. */
  readonly allowPublic: boolean;
  readonly maxEventBytes: number;
  readonly writeDeadlineMs: number;
  readonly maxStreams: number;
  readonly runQueue: number;
  /** Null: silence never ends a run. */
  readonly runIdleMs: number | null;
  readonly sessionIdleMs: number;
  readonly drainMs: number;
}

type FsyncPolicy = "always" | "interval" | "never";

type StorageConfig =
  | { readonly kind: "disk"; readonly dir: string; readonly fsync: FsyncPolicy }
  | S3Place
  | { readonly kind: "memory" };

/** A place for archives. */
export type ArchiveConfig = S3Place | { readonly kind: "file"; readonly dir: string };

/** How a bucket is reached. */
interface S3Settings {
  /** Null: Amazon's. */
  readonly endpoint: string | null;
  readonly createBucket: boolean;
}

interface S3Place extends S3Settings {
  readonly kind: "s3";
  readonly bucket: string;
  /** Begins all keys: "" or a name that ends with a slash. */
  readonly prefix: string;
}

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
  { name: "HOST", fallback: "127.0.0.1", meaning: "address to listen on" },
  {
    name: "STORAGE_URL",
    fallback: "file:./data",
    meaning: "file:<dir>, s3://<bucket>/<prefix> (AWS_* as the AWS SDK reads them) or memory:",
  },
  { name: "STATE_BASE_DIR", fallback: "", meaning: "the same as STORAGE_URL=file:<dir>" },
  {
    name: "RUNLOG_ARCHIVE_URL",
    fallback: "",
    meaning: "where sessions are archived: s3://<bucket>/<prefix> or file:<dir>",
  },
  {
    name: "RUNNER_URL",
    fallback: "",
    meaning: "URL of runners; {session} and {project} are filled in",
  },
  {
    name: "RUNLOG_DEMO",
    fallback: "1 without RUNNER_URL",
    meaning: "1: use the built-in demo runner",
  },
  { name: "RUNLOG_AUTH", fallback: "none", meaning: "who may call; only none is built" },
  {
    name: "RUNLOG_ALLOW_PUBLIC",
    fallback: "0",
    meaning: "1: listen beyond loopback without authentication",
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
  {
    name: "RUNLOG_TOKEN",
    fallback: "",
    meaning: "bearer token that commands send with --server",
  },
  { name: "RUNLOG_MAX_STREAMS", fallback: "10000", meaning: "streams open at once" },
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

  value("RUNLOG_AUTH", "none", (text) => (text === "none" ? text : null), "none");
  const fsync = value("RUNLOG_FSYNC", "interval", readFsync, "always, interval or never");
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
  const runnerUrl = value("RUNNER_URL", null, readRunnerUrl, "an http(s) URL");
  const demo = value("RUNLOG_DEMO", runnerUrl === null, readFlag, "0 or 1");
  if (demo && runnerUrl !== null) problems.push("RUNLOG_DEMO=1 and RUNNER_URL exclude each other");
  if (!demo && runnerUrl === null) problems.push("RUNLOG_DEMO=0 needs a RUNNER_URL");
  const config: Config = {
    host: env["HOST"] || "127.0.0.1",
    port: value("PORT", 8080, (text) => readInteger(text, 65_535), "a port number"),
    storage,
    archive,
    runnerUrl,
    allowPublic: value("RUNLOG_ALLOW_PUBLIC", false, readFlag, "0 or 1"),
    maxEventBytes: value("RUNLOG_MAX_EVENT_BYTES", 64 * MIB, readBytes, "a size such as 64MiB"),
    writeDeadlineMs: value("RUNLOG_WRITE_DEADLINE", 30_000, readDuration, "a time such as 30s"),
    runQueue: value("RUNLOG_RUN_QUEUE", 8, (text) => readInteger(text, 1_000), "a number"),
    runIdleMs: value<number | null>("RUNLOG_RUN_IDLE", null, readDuration, "a time such as 30m"),
    sessionIdleMs: value("RUNLOG_SESSION_IDLE", 600_000, readDuration, "a time such as 10m"),
    drainMs: value("RUNLOG_DRAIN", 10_000, readDuration, "a time such as 10s"),
    maxStreams: value("RUNLOG_MAX_STREAMS", 10_000, (text) => readInteger(text, 1e6), "a number"),
  };
  if (!isLoopback(config.host) && !config.allowPublic)
    problems.push(
      `HOST=${config.host} is not loopback: without authentication set RUNLOG_ALLOW_PUBLIC=1 if that is meant`,
    );
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

const MIB = 1024 * 1024;

function readFsync(text: string): FsyncPolicy | null {
  return text === "always" || text === "interval" || text === "never" ? text : null;
}

function readStorage(text: string, fsync: FsyncPolicy, settings: S3Settings): StorageConfig | null {
  if (text === "memory:") return { kind: "memory" };
  const place = readS3Url(text);
  if (place) return { kind: "s3", ...place, ...settings };
  const dir = readFileUrl(text);
  return dir === null ? null : { kind: "disk", dir, fsync };
}

/** How a place for archives is written. */
export const ARCHIVE_URL_FORM = "s3://<bucket>/<prefix> or file:<dir>";

/** Whether `text` has that form. */
export function isArchiveUrl(text: string): boolean {
  return readArchive(text, { endpoint: null, createBucket: false }) !== null;
}

function readArchive(text: string, settings: S3Settings): ArchiveConfig | null {
  const place = readS3Url(text);
  if (place) return { kind: "s3", ...place, ...settings };
  const dir = readFileUrl(text);
  return dir === null ? null : { kind: "file", dir };
}

function readS3Url(text: string): Pick<S3Place, "bucket" | "prefix"> | null {
  const [, bucket, path = ""] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._/-]*))?$/.exec(text) ?? [];
  const names = path.split("/").filter((name) => name !== "");
  if (bucket === undefined || names.includes(".") || names.includes("..")) return null;
  return { bucket, prefix: names.map((name) => `${name}/`).join("") };
}

function readFileUrl(text: string): string | null {
  return /^file:(?:\/\/)?(.+)$/.exec(text)?.[1] ?? null;
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

function readFlag(text: string): boolean | null {
  return text === "1" ? true : text === "0" ? false : null;
}

function readInteger(text: string, max: number): number | null {
  return /^\d+$/.test(text) && Number(text) <= max ? Number(text) : null;
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
