import { type Config, ConfigError, parseConfig } from "../config.ts";
import { VARIABLES } from "../config/variables.ts";

/** The variables that mean in a worker what they mean in a process. */
const HONOURED: ReadonlySet<string> = new Set([
  "RUNNER_URL",
  "RUNLOG_DEMO",
  "RUNLOG_AUTH",
  "RUNLOG_REAUTH",
  "RUNLOG_MODELS",
  "RUNLOG_ALLOW_PUBLIC",
  "RUNLOG_HOSTS",
  "RUNLOG_MAX_EVENT_BYTES",
  "RUNLOG_WRITE_DEADLINE",
  "RUNLOG_RUN_QUEUE",
  "RUNLOG_RUN_IDLE",
  "RUNLOG_RUN_MAX",
  "RUNLOG_RUNNER_HEADERS",
  "RUNLOG_SESSION_IDLE",
  "RUNLOG_DRAIN",
  "RUNLOG_MAX_STREAMS",
  "RUNLOG_MAX_SESSION_STREAMS",
  "RUNLOG_REPLAY_BYTES",
  "RUNLOG_CORS_ORIGINS",
]);

/**
 * The configuration of a worker, from its variables; other bindings are passed over. Throws ConfigError
 * also for variables that nothing here would follow: that somebody set them means that they count on it.
 */
export function readWorkerConfig(env: object): Config {
  const texts = textsOf(env);
  const unheard = VARIABLES.filter(({ name }) => texts[name] && !HONOURED.has(name));
  const problems = unheard.map(({ name }) => `${name} means nothing in a worker: do not set it`);
  if (texts["RUNLOG_AUTH"] && texts["RUNLOG_AUTH"] !== "none")
    problems.push(`RUNLOG_AUTH must be none in a worker, not "${texts["RUNLOG_AUTH"]}"`);
  if (problems.length > 0) throw new ConfigError(problems);
  return parseConfig(texts);
}

/** The variables among the bindings; numbers and booleans of a configuration file are texts here. */
function textsOf(env: object): Record<string, string> {
  const isPlain = (value: unknown): boolean => /^(string|number|boolean)$/.test(typeof value);
  const plain = Object.entries(env).filter(([, value]) => isPlain(value));
  return Object.fromEntries(plain.map(([name, value]) => [name, String(value)]));
}
