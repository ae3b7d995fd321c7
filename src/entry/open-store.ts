import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { StorageConfig } from "../config/storage.ts";
import type { Config } from "../config.ts";
import type { LegacyOptions } from "../core/legacy/old-logs.ts";
import { RunlogError } from "../ports/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";

interface StoreSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The store, and the logs of an older system that lie beside it. */
interface OpenStore {
  readonly store: LogStore;
  readonly legacy?: LegacyOptions;
}

/**
 * Opens the store that is configured. Throws what the store throws; an object store is asked once
 * whether it can be used, so that a missing bucket, a wrong key or one that cannot keep logs ends the
 * start. Whoever only reads it (`access`) need not be allowed to write.
 */
export async function openStore(
  config: Pick<Config, "auth" | "storage" | "legacyProject">,
  surroundings: StoreSurroundings,
  access: "read" | "write" = "write",
): Promise<OpenStore> {
  const { auth, storage, legacyProject } = config;
  switch (storage.kind) {
    case "memory":
      return { store: createMemoryLogStore() };
    case "disk": {
      const store = createDiskLogStore({ ...storage, logger: surroundings.logger });
      const { legacy: logs } = store;
      // a cluster knows which projects hold a session; without one, somebody has to say
      return { store, legacy: auth.kind === "none" ? { logs, project: legacyProject } : { logs } };
    }
    default:
      return { store: await openObjectStore(storage, surroundings, access) };
  }
}

/** Loaded when it is asked for: the SDK takes memory, and need not be installed. */
async function openObjectStore(
  storage: Extract<StorageConfig, { readonly kind: "s3" }>,
  surroundings: StoreSurroundings,
  access: "read" | "write",
): Promise<LogStore> {
  const { bucket: name, prefix, endpoint, createBucket } = storage;
  const [{ createObjectLogStore }, { createS3Bucket }] = await Promise.all([
    import("../../adapters/object/index.ts"),
    import("../../adapters/s3/index.ts"),
  ]);
  const bucket = createS3Bucket({ bucket: name, ...(endpoint !== null && { endpoint }) });
  if (createBucket) await bucket.make();
  const store = createObjectLogStore({ bucket, prefix, ...surroundings });
  try {
    await (access === "write" ? store.check() : store.list({ limit: 1 }));
  } catch (error) {
    await store.close();
    bucket.close();
    throw unfitBucket(storage, error);
  }
  return {
    ...store,
    async close() {
      await store.close();
      bucket.close();
    },
  };
}

/** What is wrong with a bucket, with what the person who starts the server can do. */
function unfitBucket(
  { bucket, endpoint }: Extract<StorageConfig, { readonly kind: "s3" }>,
  error: unknown,
): unknown {
  if (!(error instanceof RunlogError) || error.facts["isUnfit"] !== true) return error;
  const where = `bucket ${bucket} at ${endpoint ?? "Amazon S3"}`;
  const needs = "STORAGE_URL needs a store that knows If-None-Match and Range and lists in order";
  return new RunlogError(error.code, `${error.message} (${where}). ${needs}`, { cause: error });
}

/** How people are told where the logs are. */
export function nameOfStorage(storage: StorageConfig): string {
  switch (storage.kind) {
    case "memory":
      return "memory only";
    case "disk":
      return storage.dir;
    default:
      return `s3://${storage.bucket}/${storage.prefix}`;
  }
}
