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
    name: "RUNLOG_ARCHIVE_URL",
    fallback: "",
    meaning: "where sessions are archived: s3://<bucket>/<prefix> or file:<dir>",
  },
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
    name: "RUNLOG_HOSTS",
    fallback: "",
    meaning: "further names of hosts that it answers to, comma-separated, without ports",
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
    name: "RUNLOG_RUNNER_HEADERS",
    fallback: "30s",
    meaning: "how long a runner may take until its answer begins",
  },
  { name: "RUNLOG_RUN_MAX", fallback: "off", meaning: "how long a run may take" },
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
    fallback: "64MiB",
    meaning: "memory of all replays; with less left they read in smaller pieces",
  },
  {
    name: "RUNLOG_CORS_ORIGINS",
    fallback: "",
    meaning: "origins whose pages may call, comma-separated",
  },
];
