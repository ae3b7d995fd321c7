import { ALL_SETTINGS } from "../../config/settings.ts";
import { type Config, ConfigError, parseConfig } from "../../config.ts";
import { parseArgs } from "./arguments.ts";

/** The settings that are options as well. */
const FLAGS: readonly { readonly flag: string; readonly name: string; readonly meaning: string }[] =
  ALL_SETTINGS.flatMap(({ flag, name, meaning }) =>
    flag === undefined ? [] : [{ flag, name, meaning }],
  );

/** What says the same as another setting: who gives that as an option means to replace this as well. */
const SAME_AS: ReadonlyMap<string, string> = new Map([["STORAGE_URL", "STATE_BASE_DIR"]]);

/**
 * The configuration that arguments and environment give: an option stands above its variable. Throws UsageError for an option that
 * there is not, and ConfigError, which names options where they were given.
 */
export function readServeOptions(args: readonly string[], env: NodeJS.ProcessEnv): Config {
  const options = Object.fromEntries(FLAGS.map(({ flag }) => [flag, { type: "string" as const }]));
  const { values } = parseArgs({ args: [...args], options });
  const given = FLAGS.filter(({ flag }) => values[flag] !== undefined);
  const replaced = given.flatMap(({ name }) => SAME_AS.get(name) ?? []);
  const merged = {
    ...env,
    ...Object.fromEntries(replaced.map((name) => [name, ""])),
    ...Object.fromEntries(given.map(({ flag, name }) => [name, String(values[flag])])),
  };
  try {
    return parseConfig(merged);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.problems.map((text) => asOption(text, given)));
  }
}

/** The problem with the name of the option in place of that of its variable, where it begins with it. */
function asOption(problem: string, given: typeof FLAGS): string {
  const [, name = "", rest = ""] = /^([A-Z_]+)(.*)$/s.exec(problem) ?? [];
  const option = given.find((each) => each.name === name);
  return option ? `--${option.flag}${rest}` : problem;
}

/** The options, for the help text. */
export function optionsText(): string {
  const width = Math.max(...FLAGS.map(({ flag }) => flag.length)) + "-- <value>".length;
  return FLAGS.map(
    ({ flag, name }) => `  ${`--${flag} <value>`.padEnd(width)}  in place of ${name}\n`,
  ).join("");
}

/** The variables, for the help text. */
export function settingsText(): string {
  const width = Math.max(...ALL_SETTINGS.map(({ name }) => name.length));
  return ALL_SETTINGS.map(({ name, shown, meaning, flag }) => {
    const tail = shown === "" ? "" : ` (default ${shown})`;
    const option = flag === undefined ? "" : `; --${flag}`;
    return `  ${name.padEnd(width)}  ${meaning}${tail}${option}\n`;
  }).join("");
}
