import { AGENTS_SETTING } from "./agents.ts";
import { AUTH_SETTINGS, type AuthSettings } from "./auth.ts";
import { CLUSTER_SETTINGS, type ClusterSettings } from "./cluster.ts";
import { LIMIT_SETTINGS, type LimitSettings } from "./limits.ts";
import { LOGGING_SETTINGS, type LoggingSettings } from "./logging.ts";
import { NATS_SETTINGS, type NatsSettings } from "./nats.ts";
import { RETENTION_SETTINGS, type RetentionSettings } from "./retention.ts";
import { REPLICA_SETTINGS, type ReplicaSettings } from "./replicas.ts";
import { duration, flag, SERVERS, type Setting, setting, text } from "./setting.ts";
import { type FsyncPolicy, ARCHIVE_URL_FORM } from "./storage.ts";
import { TELEMETRY_SETTINGS, type TelemetrySettings } from "./telemetry.ts";
import { TLS_SETTINGS, type TlsSettings } from "./tls.ts";
import {
  oneOf,
  readForwarded,
  readHosts,
  readInteger,
  readList,
  readOrigins,
  readProject,
  readUrl,
} from "./values.ts";
import { WEBHOOK_SETTINGS, type WebhookSettings } from "./webhooks.ts";

export interface Settings
  extends
    AuthSettings,
    NatsSettings,
    ReplicaSettings,
    ClusterSettings,
    LimitSettings,
    LoggingSettings,
    RetentionSettings,
    TelemetrySettings,
    TlsSettings,
    WebhookSettings {
  readonly port: Setting<number>;
  readonly host: Setting<string | null>;
  readonly storage: Setting<string | null>;
  readonly stateBaseDir: Setting<string | null>;
  readonly archive: Setting<string | null>;
  readonly s3Endpoint: Setting<string | null>;
  readonly endpoint: Setting<string | null>;
  readonly runnerUrl: Setting<string | null>;
  readonly agents: Setting<string | null>;
  readonly demo: Setting<boolean>;
  readonly reauth: Setting<number>;
  readonly ticket: Setting<number>;
  readonly ticketKey: Setting<string | null>;
  readonly models: Setting<readonly string[] | null>;
  readonly allowPublic: Setting<boolean>;
  readonly hosts: Setting<readonly string[]>;
  readonly corsOrigins: Setting<readonly string[]>;
  readonly docs: Setting<boolean>;
  readonly copilotKit: Setting<boolean>;
  readonly ui: Setting<boolean>;
  readonly legacyProject: Setting<string | null>;
  readonly forwardHeaders: Setting<readonly string[]>;
  readonly fsync: Setting<FsyncPolicy>;
  readonly createBucket: Setting<boolean>;
  readonly runIdle: Setting<number | null>;
  readonly runnerHeaders: Setting<number>;
  readonly runnerSilence: Setting<number>;
  readonly reattach: Setting<number>;
  readonly pushIdle: Setting<number>;
  readonly runMax: Setting<number | null>;
  readonly drain: Setting<number>;
  readonly stopListen: Setting<number | null>;
  readonly token: Setting<string | null>;
  readonly server: Setting<string | null>;
}

/** What the secret of tickets must be. */
export const TICKET_KEY_FORM = "a secret of at least 32 characters";

/** Every setting there is: configuration, help text and `docs/configuration.md` are made of these. */
export const SETTINGS: Settings = {
  port: setting("PORT", 8080, (given) => readInteger(given, 65_535), {
    shown: "8080",
    meaning: "port to listen on; 0 takes a free one",
    form: "a port number",
    flag: "port",
    group: "Server",
  }),
  host: text("HOST", {
    shown: "127.0.0.1; 0.0.0.0 with RUNLOG_AUTH=kubernetes",
    meaning: "address to listen on",
    flag: "host",
    group: "Server",
  }),
  storage: text("STORAGE_URL", {
    shown: "file:./data",
    meaning: "file:<dir>, s3://<bucket>/<prefix> (AWS_* as the AWS SDK reads them) or memory:",
    form: "file:<dir>, s3://<bucket>/<prefix> or memory: (a bucket's name has 3 to 63 of a-z 0-9 . -)",
    flag: "storage",
    group: "Storage",
  }),
  stateBaseDir: text("STATE_BASE_DIR", {
    shown: "",
    meaning: "the same as STORAGE_URL=file:<dir>",
    group: "Storage",
  }),
  archive: text("RUNLOG_ARCHIVE_URL", {
    shown: "",
    meaning: "where sessions are archived: s3://<bucket>/<prefix> or file:<dir>",
    form: ARCHIVE_URL_FORM,
    flag: "archive",
    group: "Storage",
  }),
  s3Endpoint: setting<string | null>("AWS_ENDPOINT_URL_S3", null, readUrl, {
    shown: "",
    meaning: "the object store's address, where it is none of AWS",
    form: "an http(s) URL",
    group: "Storage",
  }),
  endpoint: setting<string | null>("AWS_ENDPOINT_URL", null, readUrl, {
    shown: "",
    meaning: "the same, where AWS_ENDPOINT_URL_S3 is not set",
    form: "an http(s) URL",
    group: "Storage",
  }),
  runnerUrl: text("RUNNER_URL", {
    shown: "",
    meaning:
      "URL of runners; {session} (its label), {project}, in a cluster {port}, with RUNLOG_AGENTS {agent}, are filled in",
    form: "an http(s) URL",
    flag: "runner",
    group: "Runners",
    entries: SERVERS,
  }),
  agents: AGENTS_SETTING,
  demo: flag("RUNLOG_DEMO", true, {
    shown: "1 without RUNNER_URL, RUNLOG_AGENTS and cluster",
    meaning: "1: use the built-in demo runner",
    group: "Runners",
    entries: SERVERS,
  }),
  ...AUTH_SETTINGS,
  reauth: duration("RUNLOG_REAUTH", 300_000, {
    shown: "5m",
    meaning: "how often it is asked again whether an open stream may go on",
    group: "Access",
    entries: SERVERS,
  }),
  ticket: duration("RUNLOG_TICKET", 60_000, {
    shown: "60s",
    meaning: "how long a ticket for an event stream may wait for its first use",
    group: "Access",
    entries: SERVERS,
  }),
  ticketKey: text("RUNLOG_TICKET_KEY", {
    shown: "",
    meaning:
      "secret of tickets, the same for all servers of a store; if not set they keep one in the store",
    form: TICKET_KEY_FORM,
    group: "Access",
    entries: SERVERS,
  }),
  ...CLUSTER_SETTINGS,
  models: setting<readonly string[] | null>("RUNLOG_MODELS", null, readList, {
    shown: "",
    meaning: "models that sessions may be made with, comma-separated; any if not set",
    form: "names of models",
    group: "Runners",
    entries: SERVERS,
  }),
  allowPublic: flag("RUNLOG_ALLOW_PUBLIC", false, {
    shown: "0",
    meaning: "1: listen beyond loopback without authentication",
    group: "Access",
    entries: SERVERS,
  }),
  hosts: setting<readonly string[]>("RUNLOG_HOSTS", [], readHosts, {
    shown: "",
    meaning: "further names of hosts that it answers to, comma-separated, without ports",
    form: "names of hosts without ports",
    group: "Access",
    entries: SERVERS,
  }),
  corsOrigins: setting<readonly string[]>("RUNLOG_CORS_ORIGINS", [], readOrigins, {
    shown: "",
    meaning: "origins whose pages may call, comma-separated",
    form: "origins such as https://a.example",
    group: "Access",
    entries: SERVERS,
  }),
  docs: flag("RUNLOG_DOCS", true, {
    shown: "1",
    meaning: "1: serve the OpenAPI document at /openapi.json and /docs, to whoever asks",
    group: "Server",
    entries: SERVERS,
  }),
  copilotKit: flag("RUNLOG_COPILOTKIT", true, {
    shown: "1; 0 with RUNLOG_AUTH=kubernetes",
    meaning:
      "1: serve CopilotKit's pages at /api/copilotkit; their threads are sessions of default",
    group: "Server",
  }),
  ui: flag("RUNLOG_UI", true, {
    shown: "1 with RUNLOG_AUTH=none, else 0",
    meaning: "1: serve the inspector, a page to look at sessions, at /",
    group: "Server",
  }),
  legacyProject: setting<string | null>("RUNLOG_LEGACY_PROJECT", null, readProject, {
    shown: "",
    meaning: "project that imports old logs in <dir>/sessions",
    form: "a project's name",
    group: "Storage",
  }),
  forwardHeaders: setting<readonly string[]>("RUNLOG_FORWARD_HEADERS", [], readForwarded, {
    shown: "",
    meaning: "headers of a posted run that go on to its runner, such as authorization,traceparent",
    form: "names of headers, none of which runlog sets itself",
    group: "Runners",
    entries: SERVERS,
  }),
  fsync: setting<FsyncPolicy>("RUNLOG_FSYNC", "interval", oneOf("always", "interval", "never"), {
    shown: "interval",
    meaning: "always, interval (1 s and run ends) or never",
    form: "always, interval or never",
    group: "Storage",
  }),
  createBucket: flag("RUNLOG_S3_CREATE_BUCKET", false, {
    shown: "0",
    meaning: "1: make the bucket of STORAGE_URL if it is not there",
    group: "Storage",
  }),
  runIdle: duration("RUNLOG_RUN_IDLE", null, {
    shown: "off",
    meaning: "silence of a runner that ends its run",
    group: "Runners",
    entries: SERVERS,
  }),
  runnerHeaders: duration("RUNLOG_RUNNER_HEADERS", 30_000, {
    shown: "30s",
    meaning: "how long a runner may take until its answer begins",
    group: "Runners",
    entries: SERVERS,
  }),
  runnerSilence: duration("RUNLOG_RUNNER_SILENCE", 30_000, {
    shown: "30s",
    meaning: "silence after which the connection of a run that can be taken up counts as broken",
    group: "Runners",
    entries: SERVERS,
  }),
  reattach: duration("RUNLOG_REATTACH", 300_000, {
    shown: "5m",
    meaning: "how long a runner that does not answer is asked for the rest of a run",
    group: "Runners",
    entries: SERVERS,
  }),
  pushIdle: duration("RUNLOG_PUSH_IDLE", 300_000, {
    shown: "5m",
    meaning: "silence of its producer that ends a run which is pushed",
    group: "Runners",
    entries: SERVERS,
  }),
  runMax: duration("RUNLOG_RUN_MAX", null, {
    shown: "off",
    meaning: "how long a run may take",
    group: "Runners",
    entries: SERVERS,
  }),
  drain: duration("RUNLOG_DRAIN", 10_000, {
    shown: "10s",
    meaning: "how long a stop waits for runs to end by themselves",
    group: "Server",
    entries: SERVERS,
  }),
  stopListen: duration("RUNLOG_STOP_LISTEN", null, {
    shown: "1500ms, on loopback 0s",
    meaning: "how long a stop serves on at least, with 503 at /ready",
    group: "Server",
  }),
  token: text("RUNLOG_TOKEN", {
    shown: "",
    meaning: "bearer token that commands send to a server",
    group: "Access",
  }),
  server: setting<string | null>("RUNLOG_SERVER", null, readUrl, {
    shown: "http://127.0.0.1:8080",
    meaning: "server that commands which look at one ask",
    form: "an http(s) URL",
    group: "Access",
  }),
  ...TLS_SETTINGS,
  ...RETENTION_SETTINGS,
  ...LIMIT_SETTINGS,
  ...REPLICA_SETTINGS,
  ...NATS_SETTINGS,
  ...WEBHOOK_SETTINGS,
  ...LOGGING_SETTINGS,
  ...TELEMETRY_SETTINGS,
};

/** The same as a list, in the order of the help text. */
export const ALL_SETTINGS: readonly Omit<Setting, "read" | "fallback">[] = Object.values(SETTINGS);
