import { readFile } from "node:fs/promises";
import { UsageError } from "./exit.ts";

/** A secret that is mounted into a pod changes while the process runs. */
const CACHED_MS = 1_000;

/**
 * Reads a token from a file, without the space around it, again after a second. Throws UsageError where
 * there is none; a file that cannot be read later leaves the last token.
 */
export async function openTokenFile(path: string): Promise<() => Promise<string>> {
  let token = await readToken(path).catch((error: unknown) => {
    throw new UsageError(`RUNLOG_RELAY_TOKEN_FILE cannot be read: ${String(error)}`);
  });
  if (token === "") throw new UsageError(`RUNLOG_RELAY_TOKEN_FILE: there is no token in ${path}`);
  let readAtMs = performance.now();
  return async () => {
    if (performance.now() - readAtMs < CACHED_MS) return token;
    readAtMs = performance.now();
    token = (await readToken(path).catch(() => "")) || token;
    return token;
  };
}

async function readToken(path: string): Promise<string> {
  return (await readFile(path, "utf8")).trim();
}
