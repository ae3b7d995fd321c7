import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "./layout.ts";

/** Where directories go to be deleted: gone from their place in one step, removed at leisure. */
export interface Trash {
  /** Moves a directory out of the way and removes it. */
  throwAway(dir: string): Promise<void>;
  /** Settles when what an earlier process left has been removed. */
  readonly emptied: Promise<void>;
}

/** Begins to remove what an earlier process has not come to remove. */
export function createTrash({ trash }: Layout): Trash {
  const emptied = rm(trash, { recursive: true, force: true }).catch(() => {
    // it stays until the next start
  });
  return {
    emptied,
    async throwAway(dir) {
      await emptied;
      await mkdir(trash, { recursive: true });
      const doomed = join(trash, randomUUID());
      await rename(dir, doomed);
      await rm(doomed, { recursive: true, force: true });
    },
  };
}
