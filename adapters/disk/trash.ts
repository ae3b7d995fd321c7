import { randomUUID } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "./errors.ts";
import { makeDirectorySync } from "./sync-directory.ts";
import { DOOMED, type Layout } from "./layout.ts";

/** Where directories go to be deleted: gone from their place in one step, removed at leisure. */
export interface Trash {
  /**
   * Removes a session's directory. It works where not a byte is left: nothing is made for it, and if the
   * trash has no room for another name, what goes is renamed where it is.
   */
  throwAway(dir: string): Promise<void>;
  /** Settles when what an earlier process left has been removed. */
  readonly emptied: Promise<void>;
}

/** Begins to remove what an earlier process has not come to remove. */
export function createTrash({ trash }: Layout): Trash {
  try {
    // while there is room: it stays for good
    makeDirectorySync(trash);
  } catch {
    // then every directory is renamed where it is
  }
  const emptied = empty(trash).catch(() => {
    // it stays until the next start
  });
  return {
    emptied,
    async throwAway(dir) {
      await emptied;
      const doomed = join(trash, randomUUID());
      try {
        await rename(dir, doomed);
      } catch (error) {
        if (!NO_TRASH.some((code) => isErrno(error, code))) throw error;
        return removeInPlace(dir);
      }
      await rm(doomed, { recursive: true, force: true });
    },
  };
}

/** The system's errors when the trash takes nothing: it has no room, or does not exist. */
const NO_TRASH: readonly string[] = ["ENOSPC", "EDQUOT", "ENOENT", "ENOTDIR"];

async function empty(trash: string): Promise<void> {
  for (const name of await readdir(trash)) await rm(join(trash, name), { recursive: true });
}

/**
 * Removes a directory in its place. Its entries are renamed first, so that it is never found half
 * removed.
 */
async function removeInPlace(dir: string): Promise<void> {
  for (const name of await readdir(dir))
    if (!name.endsWith(DOOMED)) await rename(join(dir, name), join(dir, `${name}${DOOMED}`));
  await rm(dir, { recursive: true, force: true });
}
