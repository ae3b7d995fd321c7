import { readFile } from "node:fs/promises";
import { UsageError } from "./exit.ts";

/** A secret that is mounted into a pod changes while the process runs. */
const CACHED_MS = 1_000;

export interface RereadOptions<T> {
  /** The setting that names the file, for errors. */
  readonly setting: string;
  /** What is made of the file's text. Throws for a text that cannot be. */
  readonly read: (text: string) => T;
  /** Told of a text that cannot be, or a file that cannot be read, once for each that is met. Default: nobody. */
  readonly onProblem?: (error: unknown) => void;
}

/**
 * Opens a file whose contents are read again where they are a second old: gives what was made of them
 * last. Throws UsageError where that cannot be done now; later, what cannot be read leaves what was there.
 */
export async function openRereadFile<T>(
  path: string,
  { setting, read, onProblem = () => {} }: RereadOptions<T>,
): Promise<() => Promise<T>> {
  let text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new UsageError(`${setting} cannot be read: ${String(error)}`);
  });
  let value: T;
  try {
    value = read(text);
  } catch (error) {
    throw new UsageError(
      `${setting}, ${path}: ${String(error instanceof Error ? error.message : error)}`,
    );
  }
  let readAtMs = performance.now();
  let problem = "";
  return async () => {
    if (performance.now() - readAtMs < CACHED_MS) return value;
    readAtMs = performance.now();
    try {
      const now = await readFile(path, "utf8");
      if (now !== text) value = read(now);
      text = now;
      problem = "";
    } catch (error) {
      if (String(error) !== problem) onProblem(error);
      problem = String(error);
    }
    return value;
  };
}

/** A token in a file, without the space around it. Throws TypeError where there is none. */
export function readToken(text: string): string {
  const token = text.trim();
  if (token === "") throw new TypeError("there is no token in it");
  return token;
}
