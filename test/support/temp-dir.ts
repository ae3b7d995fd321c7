import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of a test's own. */
export interface TempDir {
  /** Its absolute path. */
  readonly path: string;
  /** Removes it with everything in it. Does nothing if it has gone. */
  remove(): Promise<void>;
}

/** Makes an empty directory that no other test uses. */
export async function createTempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), "runlog-test-"));
  return {
    path,
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
