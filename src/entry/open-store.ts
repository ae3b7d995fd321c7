import { join } from "node:path";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createFileBucket } from "../../adapters/file-bucket/index.ts";
import { createMemoryLogStore, createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import type { StorageConfig } from "../config/storage.ts";
import type { Config } from "../config.ts";
import type { LegacyOptions } from "../core/legacy/legacy-imports.ts";
import type { SecretPlace } from "../core/callers/shared-secret.ts";
import type { OutboxPlace } from "../core/webhooks/outbox.ts";
import { RunlogError } from "../ports/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { PeerAddress } from "../ports/session-owner.ts";
import { openS3Bucket } from "./open-bucket.ts";

interface StoreSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when an object store does not answer for long. */
  readonly onLong: (text: string) => void;
  /** How other servers reach this one, where they can share the storage. Default null: they do not. */
  readonly advertised?: PeerAddress | null;
}

/** The store, and the logs of an older system that lie beside it. */
interface OpenStore {
  readonly store: LogStore;
  /** Where the notices of webhooks wait: beside the logs. Makes nothing until one is put. */
  readonly outbox: OutboxPlace;
  /** Where the servers of the store find the secret of their tickets. */
  readonly ticketSecret: SecretPlace;
  readonly legacy?: LegacyOptions;
}

/** The directory of the outbox, or what its keys begin with. */
const OUTBOX = "outbox";
/** The same of secrets, and the name of that of tickets. */
const SECRETS = "secrets";
const TICKET_SECRET = "tickets";

/**
 * Opens the configured store. Throws the store's errors; an object store is checked once, so that a
 * missing bucket, a wrong key or a bucket that cannot keep logs ends the start. For `access` "read"
 * the right to write is not needed.
 */
export async function openStore(
  config: Pick<Config, "auth" | "storage" | "legacyProject">,
  surroundings: StoreSurroundings,
  access: "read" | "write" = "write",
): Promise<OpenStore> {
  const { auth, storage, legacyProject } = config;
  switch (storage.kind) {
    case "memory":
      return {
        store: createMemoryLogStore(),
        outbox: { bucket: createMemoryObjectBucket(), prefix: "" },
        ticketSecret: { bucket: createMemoryObjectBucket(), key: TICKET_SECRET },
      };
    case "disk": {
      const store = createDiskLogStore({ ...storage, logger: surroundings.logger });
      const { legacy: logs } = store;
      const outbox = { bucket: createFileBucket({ dir: join(storage.dir, OUTBOX) }), prefix: "" };
      const secrets = createFileBucket({ dir: join(storage.dir, SECRETS), isPrivate: true });
      const ticketSecret = { bucket: secrets, key: TICKET_SECRET };
      // a cluster knows which projects hold a session; without one, the project is configured
      const legacy = auth.kind === "none" ? { logs, project: legacyProject } : { logs };
      return { store, outbox, ticketSecret, legacy };
    }
    default:
      return openObjectStore(storage, surroundings, access);
  }
}

async function openObjectStore(
  storage: Extract<StorageConfig, { readonly kind: "s3" }>,
  { advertised = null, clock, logger, onLong }: StoreSurroundings,
  access: "read" | "write",
): Promise<OpenStore> {
  const { createObjectLogStore } = await import("../../adapters/object/index.ts");
  const { bucket, prefix, reach, close } = await openS3Bucket(storage, onLong);
  const store = createObjectLogStore({ bucket, prefix, clock, logger, advertised });
  const closeAll = async (): Promise<void> => {
    await store.close();
    close();
  };
  try {
    await reach();
    await (access === "write" ? store.check() : store.list({ limit: 1 }));
  } catch (error) {
    await closeAll();
    throw unfitBucket(storage, error);
  }
  return {
    store: { ...store, close: closeAll },
    outbox: { bucket, prefix: `${prefix}${OUTBOX}/` },
    ticketSecret: { bucket, key: `${prefix}${SECRETS}/${TICKET_SECRET}` },
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

/** The storage as it is printed for people. */
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
