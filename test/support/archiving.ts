import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createArchives } from "../../src/core/archive/archives.ts";
import {
  type ArchivingStore,
  createArchivingStore,
} from "../../src/core/archive/archiving-store.ts";
import { systemClock as clock } from "../../src/entry/system-clock.ts";
import { hasCode } from "../../src/ports/errors.ts";
import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";

/** Makes `store` one that archives, by default to a bucket in memory. */
export function archivingStore(
  store: LogStore,
  bucket: ObjectBucket = createMemoryObjectBucket(),
): ArchivingStore {
  return createArchivingStore({ store, legacy: null, archives: createArchives({ bucket, clock }) });
}

/** A store in which every session is evicted to the archive before anybody does anything with it. */
export function eagerStore(store: ArchivingStore): ArchivingStore {
  async function archived<T>(key: SessionKey, operation: () => Promise<T>): Promise<T> {
    await store.archive(key, { deleteLocal: true }).catch((error: unknown) => {
      // not there, open, or changed all the while by what the test does beside
      if (!hasCode(error, "log-not-found", "run-active", "session-conflict", "store-closed"))
        throw error;
    });
    return operation();
  }

  return {
    ...store,
    create: (key, options) => archived(key, () => store.create(key, options)),
    stat: (key) => archived(key, () => store.stat(key)),
    setDocument: (key, ...rest) => archived(key, () => store.setDocument(key, ...rest)),
    setHead: (key, ...rest) => archived(key, () => store.setHead(key, ...rest)),
    markOpen: (key, ...rest) => archived(key, () => store.markOpen(key, ...rest)),
    delete: (key) => archived(key, () => store.delete(key)),
  };
}
