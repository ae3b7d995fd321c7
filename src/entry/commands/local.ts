import { createDiskLogReader } from "../../../adapters/disk/index.ts";
import { type Archives, createArchives } from "../../core/archive/archives.ts";
import { type ArchivingStore, createArchivingStore } from "../../core/archive/archiving-store.ts";
import { createArchivedReader } from "../../core/archive/archived-reader.ts";
import { ARCHIVE_URL_FORM, type ArchiveConfig, type Config, readArchiveUrl } from "../../config.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { LogReader, LogStore } from "../../ports/log-store.ts";
import { UsageError } from "../exit.ts";
import { openStore } from "../node.ts";
import { openBucket } from "../open-bucket.ts";
import { stderrLogger } from "../stderr-logger.ts";
import { systemClock as clock } from "../system-clock.ts";

/** A place for archives that was opened. */
export interface OpenArchives {
  readonly archives: Archives | null;
  close(): void;
}

/** What is configured, as far as a command works on it itself. */
export interface Alone extends OpenArchives {
  readonly store: ArchivingStore;
  /** Lets everything go. */
  closeAll(): Promise<void>;
}

/** The place that `--to` names. Throws UsageError. */
export function readTarget(text: string): ArchiveConfig {
  const target = readArchiveUrl(text);
  if (!target) throw new UsageError(`--to is ${ARCHIVE_URL_FORM}, not "${text}"`);
  return target;
}

/** Opens a place for archives; none if there is no target. */
export async function openArchives(target: ArchiveConfig | null): Promise<OpenArchives> {
  if (!target) return { archives: null, close() {} };
  const bucket = await openBucket(target);
  return { archives: createArchives({ ...bucket, clock }), close: () => bucket.close() };
}

/** Opens the configured store to write it: nobody else may. Throws `store-locked` and its kin. */
export async function openAlone(config: Config, target: ArchiveConfig | null): Promise<Alone> {
  refuseMemory(config);
  const inner = openUnlocked(config);
  const opened = await openArchives(target);
  const store = createArchivingStore({ store: inner, archives: opened.archives });
  return {
    ...opened,
    store,
    async closeAll() {
      await store.close();
      opened.close();
    },
  };
}

function openUnlocked(config: Config): LogStore {
  try {
    return openStore(config, stderrLogger);
  } catch (error) {
    if (!hasCode(error, "store-locked")) throw error;
    const hint = "stop it, or have it do the work with --server <url>";
    throw new RunlogError("store-locked", `${error.message}: ${hint}`, { cause: error });
  }
}

/** Opens the configured store to look at it, also beside the server that owns it. */
export function openToLook(config: Config, archives: Archives | null): LogReader {
  return createArchivedReader(rawReader(config), archives);
}

/** The same, with archived sessions as the stubs that they are. */
export function rawReader({ storage }: Config): LogReader {
  if (storage.kind !== "disk") throw noStore();
  return createDiskLogReader({ dir: storage.dir });
}

function refuseMemory({ storage }: Config): void {
  if (storage.kind === "memory") throw noStore();
}

function noStore(): UsageError {
  return new UsageError("STORAGE_URL names no store that a command could open by itself");
}
