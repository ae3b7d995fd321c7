import { existsSync } from "node:fs";
import { link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { throwDiskError } from "../../adapters/disk/errors.ts";
import { makeDirectory, syncDirectory } from "../../adapters/disk/sync-directory.ts";
import type { AuthConfig } from "../config/auth.ts";
import { newToken, TOKENS_MODE } from "./new-token.ts";

/** Who bears it. */
const NAME = "admin";

/**
 * Makes the list of tokens of a directory that has none yet: with one token, which may do everything and is
 * returned, this once; the list has its SHA-256. Null where there is a list, or where another one counts.
 *
 * Whoever is killed between the two has a list whose token nobody knows: without the file the next start
 * makes another.
 */
export async function makeFirstToken(auth: AuthConfig): Promise<string | null> {
  if (auth.kind !== "token" || !("file" in auth.tokens) || !auth.tokens.isMade) return null;
  const { file } = auth.tokens;
  if (existsSync(file)) return null;
  const { token, line } = await newToken(NAME, "admin", "*");
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await makeDirectory(dirname(file), { durable: true });
    const made = await open(temporary, "w", TOKENS_MODE);
    try {
      await made.writeFile(line);
      await made.sync();
    } finally {
      await made.close();
    }
    const isFirst = await putNew(temporary, file);
    await syncDirectory(dirname(file));
    return isFirst ? token : null;
  } catch (error) {
    return throwDiskError(error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Gives a file its name, unless there is one: of two that start at once one makes the list. */
async function putNew(temporary: string, file: string): Promise<boolean> {
  try {
    await link(temporary, file);
  } catch {
    if (existsSync(file)) return false;
    // a file system without links
    await rename(temporary, file);
  }
  return true;
}
