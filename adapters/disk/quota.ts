import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import type { StorageQuota } from "../../src/ports/storage-quota.ts";

export interface DiskQuotaOptions {
  readonly dir: string;
  /** Bytes of all files below the directory. */
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "info" | "warn">;
}

/** A quota, and the store whose appends count. */
export interface DiskQuota extends StorageQuota {
  /** Adds what is appended to what was measured. */
  count(store: LogStore): LogStore;
  /** Stops measuring. */
  close(): void;
}

/** How often in ms the directory is measured, if anything was stored or removed since. */
const MEASURE_MS = 10_000;
/** Of the time of which a measuring may take one part: a large directory is measured less often. */
const PARTS = 20;
/** Files that are looked at together. */
const AT_ONCE = 64;

/**
 * Measures a directory now, and from time to time; in between what is appended is added. Until it is measured
 * for the first time, and where it cannot be, there is room. Nothing is removed.
 */
export function createDiskQuota({ dir, limitBytes, clock, logger }: DiskQuotaOptions): DiskQuota {
  /** Bytes when it was measured last, and those that were appended since that began. */
  let measured = 0;
  let added = 0;
  let isChanged = true;
  let isFull = false;
  let isMeasuring = false;
  let notBeforeMs = 0;
  let closed = false;

  function note(): void {
    const was = isFull;
    isFull = measured + added >= limitBytes;
    if (isFull === was) return;
    const facts = { limitBytes, usedBytes: measured + added };
    if (isFull) logger.warn("disk-quota-exceeded", facts);
    else logger.info("disk-quota-has-room", facts);
  }

  async function measure(): Promise<void> {
    if (isMeasuring || closed || clock.now() < notBeforeMs || !(isChanged || isFull)) return;
    isMeasuring = true;
    isChanged = false;
    const before = added;
    const startedMs = clock.now();
    try {
      measured = await bytesBelow(dir, () => closed);
      added -= before;
      note();
    } catch (error) {
      logger.warn("disk-quota-not-measured", { error });
    } finally {
      isMeasuring = false;
      notBeforeMs = clock.now() + PARTS * (clock.now() - startedMs);
    }
  }

  void measure();
  const stop = clock.every(MEASURE_MS, () => void measure());
  return {
    assertRoom() {
      if (!isFull) return;
      throw new RunlogError(
        "quota-exceeded",
        "The server holds as much as it may: it begins no run and makes no fork until sessions are archived or deleted",
        { limit: limitBytes },
      );
    },

    count: (store) => ({
      ...store,
      async append(...args) {
        const end = await store.append(...args);
        added += end - args[2].expectedEnd;
        isChanged = true;
        note();
        return end;
      },
      async delete(key) {
        isChanged = true;
        return store.delete(key);
      },
    }),

    close() {
      closed = true;
      stop();
    },
  };
}

/** Bytes of the files below a directory; those that go meanwhile do not count. */
async function bytesBelow(dir: string, isStopped: () => boolean): Promise<number> {
  let bytes = 0;
  let paths: string[] = [];
  const look = async (): Promise<void> => {
    const sizes = paths.map((path) => lstat(path).then(({ size }) => size, missing));
    paths = [];
    for (const size of await Promise.all(sizes)) bytes += size;
  };
  for await (const entry of await opendir(dir, { recursive: true })) {
    if (isStopped()) return bytes;
    if (!entry.isFile()) continue;
    paths.push(join(entry.parentPath, entry.name));
    if (paths.length === AT_ONCE) await look();
  }
  await look();
  return bytes;
}

function missing(error: NodeJS.ErrnoException): number {
  if (error.code === "ENOENT") return 0;
  throw error;
}
