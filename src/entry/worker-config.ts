import { type Config, ConfigError, parseConfig } from "../config.ts";
import { ALL_SETTINGS } from "../config/settings.ts";

/**
 * The configuration of a worker, from its variables; other bindings are passed over. Throws ConfigError
 * also for variables that nothing here would follow: that somebody set them means that they count on it.
 */
export function readWorkerConfig(env: object): Config {
  const texts = textsOf(env);
  const unheard = ALL_SETTINGS.filter(
    ({ name, entries }) => texts[name] && !entries.includes("worker"),
  );
  const problems = unheard.map(({ name }) => `${name} means nothing in a worker: do not set it`);
  if (texts["RUNLOG_AUTH"] === "kubernetes")
    problems.push('RUNLOG_AUTH must be none, token or jwt in a worker, not "kubernetes"');
  if (texts["RUNLOG_AUTH"] === "token" && !texts["RUNLOG_TOKENS"])
    problems.push(
      "RUNLOG_AUTH=token needs RUNLOG_TOKENS in a worker: `runlog token add` makes its lines",
    );
  if (problems.length > 0) throw new ConfigError(problems);
  return parseConfig(texts);
}

/** The variables among the bindings; numbers and booleans of a configuration file are texts here. */
function textsOf(env: object): Record<string, string> {
  const isPlain = (value: unknown): boolean => /^(string|number|boolean)$/.test(typeof value);
  const plain = Object.entries(env).filter(([, value]) => isPlain(value));
  return Object.fromEntries(plain.map(([name, value]) => [name, String(value)]));
}
