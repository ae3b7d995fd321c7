import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "./errors.ts";
import type { Layout } from "./layout.ts";

/** What a run needs at least: a new file and a block for it. */
const BLOCK = new Uint8Array(4_096).fill(0x20);
/** Probes ask every few seconds, and anybody may ask as well. */
const BETWEEN_MS = 1_000;

/**
 * Checks whether the disk takes a new small file; rejects with its error. Calls while a check is
 * under way, or within a second after it, share its result.
 */
export function createWriteProbe(layout: Layout): () => Promise<void> {
  const path = join(layout.dir, "write-test.tmp");
  let last: Promise<void> | null = null;
  let freshUntilMs = 0;

  async function tryWrite(): Promise<void> {
    try {
      // what was left there may be a pipe, that nobody reads
      await rm(path, { force: true });
      const file = await open(path, "wx", 0o640);
      try {
        await file.writeFile(BLOCK);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw diskError(error);
    } finally {
      await rm(path, { force: true }).catch(() => {
        // the next try takes its place
      });
      freshUntilMs = performance.now() + BETWEEN_MS;
    }
  }

  return () => {
    if (last === null || performance.now() >= freshUntilMs) {
      freshUntilMs = Number.POSITIVE_INFINITY;
      last = tryWrite();
    }
    return last;
  };
}
