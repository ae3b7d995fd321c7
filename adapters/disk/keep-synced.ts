import type { Logger } from "../../src/ports/logger.ts";
import type { DirectoryLock } from "./lock.ts";
import type { SessionCache } from "./session-cache.ts";

export interface KeepSyncedOptions {
  readonly cache: SessionCache;
  readonly lock: DirectoryLock;
  readonly logger: Pick<Logger, "error">;
}

const INTERVAL_MS = 1_000;

/**
 * Asks the device every second for what was written, and looks whether the directory is still ours: what
 * is in memory stays there once it is not. Returns what stops it.
 */
export function keepSynced({ cache, lock, logger }: KeepSyncedOptions): () => void {
  async function syncAll(): Promise<void> {
    try {
      lock.assertHeld();
    } catch {
      // the lock logs it, and so does every write
      return;
    }
    for (const [key, session] of cache.open())
      await session.sync().catch((error: unknown) => {
        logger.error("log-not-synced", { ...key, error });
      });
  }

  const timer = setInterval(() => void syncAll(), INTERVAL_MS).unref();
  return () => clearInterval(timer);
}
