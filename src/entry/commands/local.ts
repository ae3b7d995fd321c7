import { createDiskLogReader } from "../../../adapters/disk/index.ts";
import { type Archives, createArchives } from "../../core/archive/archives.ts";
import { type ArchivingStore, createArchivingStore } from "../../core/archive/archiving-store.ts";
import { type ArchivedReader, createArchivedReader } from "../../core/archive/archived-reader.ts";
import { ARCHIVE_URL_FORM, type ArchiveConfig, isArchiveUrl } from "../../config/storage.ts";
import { type Config, parseConfig } from "../../config.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { LogReader } from "../../ports/log-store.ts";
import { UsageError } from "../exit.ts";
import { openBucket } from "../open-bucket.ts";
import { openStore } from "../open-store.ts";
import { say } from "../process.ts";
import { stderrLogger } from "../log/stderr-logger.ts";
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

/** The place that an option names, reached as the configured one would be. Throws UsageError. */
export function readTarget(option: string, url: string): ArchiveConfig | null {
  if (!isArchiveUrl(url)) throw new UsageError(`${option} is ${ARCHIVE_URL_FORM}, not "${url}"`);
  return parseConfig({ ...process.env, RUNLOG_ARCHIVE_URL: url }).archive;
}

/** Opens a place for archives; none if there is no target. */
export async function openArchives(target: ArchiveConfig | null): Promise<OpenArchives> {
  if (!target) return { archives: null, close() {} };
  const { bucket, prefix, reach, close } = await openBucket(target, say);
  try {
    await reach();
  } catch (error) {
    close();
    throw error;
  }
  return { archives: createArchives({ bucket, prefix, clock }), close };
}

/** Opens the configured store to write it, exclusively. Throws `store-locked` and its kin. */
export async function openAlone(config: Config, target: ArchiveConfig | null): Promise<Alone> {
  if (config.storage.kind === "memory") throw noStore();
  const surroundings = { clock, logger: stderrLogger, onLong: say };
  const { store: inner, legacy } = await openStore(config, surroundings).catch(addHint);
  const opened = await openArchives(target);
  const { archives } = opened;
  const store = createArchivingStore({ store: inner, archives, legacy: legacy?.logs ?? null });
  return {
    ...opened,
    store,
    async closeAll() {
      await store.close();
      opened.close();
    },
  };
}

function addHint(error: unknown): never {
  if (!hasCode(error, "store-locked")) throw error;
  const hint = "stop it, or have it do the work with --server <url>";
  throw new RunlogError("store-locked", `${error.message}: ${hint}`, { cause: error });
}

/** A store that is only read, also beside the server that owns it. */
export interface Look {
  /** Archived sessions as the stubs that they are. */
  readonly stored: LogReader;
  /** Archived sessions as they were. */
  readonly readable: ArchivedReader;
  close(): Promise<void>;
}

/** Opens the configured store to look at it. */
export async function openToLook(config: Config, archives: Archives | null): Promise<Look> {
  const { storage } = config;
  if (storage.kind === "memory") throw noStore();
  if (storage.kind === "disk") {
    const stored = createDiskLogReader({ dir: storage.dir });
    const readable = createArchivedReader(stored, archives, stored);
    return { stored, readable, async close() {} };
  }
  // readers of an object store need no lease
  const surroundings = { clock, logger: stderrLogger, onLong: say };
  const { store: stored } = await openStore(config, surroundings, "read");
  return {
    stored,
    readable: createArchivedReader(stored, archives, null),
    close: () => stored.close(),
  };
}

function noStore(): UsageError {
  return new UsageError("STORAGE_URL=memory: names no store that a command could open by itself");
}
