import { parseArgs as parse, type ParseArgsConfig } from "node:util";
import { didYouMean } from "../closest.ts";
import { UsageError } from "../exit.ts";

type Parsed<T extends ParseArgsConfig> = ReturnType<typeof parse<T>>;

/** As Node's, with a suggestion for an option that there is not. Throws UsageError for it, and what Node throws. */
export function parseArgs<const T extends ParseArgsConfig>(config: T): Parsed<T> {
  try {
    return parse(config);
  } catch (error) {
    const [, option] = /^Unknown option '(-[^']*)'/.exec(String(Object(error).message)) ?? [];
    if (option === undefined) throw error;
    const options = Object.keys(config.options ?? {}).map((name) => `--${name}`);
    throw new UsageError(
      `There is no option ${option}.${didYouMean(option, [...options, "--help"])} --help tells of all`,
    );
  }
}

/** A number that an option gives. Throws UsageError. */
export function readCount(option: string, text: string, most: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > most)
    throw new UsageError(`${option} is a number from 1 to ${most}, not "${text}"`);
  return count;
}
