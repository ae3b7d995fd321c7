import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { RelaySpool, SpoolLogInfo } from "../../src/ports/relay-spool.ts";
import { diskError, throwDiskError } from "./errors.ts";
import { makeDirectorySync } from "./sync-directory.ts";
import { layoutOf } from "./layout.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { replaceFile } from "./small-file.ts";
import { INFO_FILE, SpoolFiles, type SpoolFilesOptions } from "./spool-files.ts";

export interface DiskSpoolOptions {
  /** The directory; made if it is not there. One process owns it at a time. */
  readonly dir: string;
  /** Largest file of a log, default 1 MiB: so much of a log is dropped at a time. */
  readonly fileBytes?: number;
  /** Logs what cannot be read. Default: nothing is logged. */
  readonly logger?: Pick<Logger, "warn" | "error">;
}

const FORMAT = 1;
const SILENT: Pick<Logger, "warn" | "error"> = { warn() {}, error() {} };

/**
 * A RelaySpool in a directory of the local file system, durable as long as the machine runs: nothing is
 * synced. It makes:
 *
 * - `spool.json` the format version, checked at start;
 * - `lock.db` the exclusive lock of the process that owns the directory;
 * - `logs/<number>/` one log: `info.json` what it is for, written first and removed first; the bytes in
 *   files that are named by the offset of their first byte; `ended` once it was ended.
 *
 * Throws `store-locked` when another process owns the directory, `store-format` when it is of another
 * version or holds something else, `store-failed` and its kin when the file system fails.
 *
 * @example
 * ```ts
 * import { createDiskSpool } from "runlog/disk";
 * import { createRelay } from "runlog/relay";
 *
 * const spool = await createDiskSpool({ dir: "/spool" });
 * const relay = await createRelay({ fetch, spool, agent: "http://127.0.0.1:9000/" });
 * ```
 */
export async function createDiskSpool({
  dir,
  fileBytes = 1024 * 1024,
  logger = SILENT,
}: DiskSpoolOptions): Promise<RelaySpool> {
  const logs = join(dir, "logs");
  const lock = await takeSpool(dir, logger).catch(throwDiskError);
  const kept = new Set<SpoolFiles>();
  const options = { fileBytes, onRemoved: (log: SpoolFiles): void => void kept.delete(log) };
  let lastNumber = 0;
  try {
    makeDirectorySync(logs);
    for (const name of await readdir(logs)) {
      const log = await recoverLog(join(logs, name), options, logger);
      if (log) kept.add(log);
      if (/^\d+$/.test(name)) lastNumber = Math.max(lastNumber, Number(name));
    }
  } catch (error) {
    lock.release();
    throw diskError(error);
  }

  return {
    isDurable: true,

    async recover() {
      return [...kept];
    },

    async create(info) {
      lock.assertHeld();
      const path = join(logs, String(++lastNumber).padStart(10, "0"));
      try {
        await mkdir(path);
        await replaceFile(join(path, INFO_FILE), JSON.stringify(info), { durable: false });
      } catch (error) {
        throw diskError(error);
      }
      const log = new SpoolFiles(path, info, options);
      kept.add(log);
      return log;
    },

    async close() {
      await Promise.all([...kept].map((log) => log.close()));
      lock.release();
    },
  };
}

async function takeSpool(
  dir: string,
  logger: Pick<Logger, "warn" | "error">,
): Promise<DirectoryLock> {
  makeDirectorySync(dir);
  const formatFile = join(dir, "spool.json");
  const layout = layoutOf(dir);
  if (existsSync(layout.formatFile))
    throw new RunlogError("store-format", `${dir} is the directory of a server: name another one`);
  const lock = lockDirectory({ ...layout, formatFile }, logger);
  try {
    await checkFormat(formatFile);
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function checkFormat(formatFile: string): Promise<void> {
  if (!existsSync(formatFile))
    return replaceFile(formatFile, JSON.stringify({ format: FORMAT }), { durable: false });
  const text = await readFile(formatFile, "utf8");
  if (text !== JSON.stringify({ format: FORMAT }))
    throw new RunlogError(
      "store-format",
      `${formatFile} is of another version: remove the directory, or name another one`,
    );
}

/** The log in a directory; null where it was not made whole, or was being removed. */
async function recoverLog(
  path: string,
  options: SpoolFilesOptions,
  logger: Pick<Logger, "warn">,
): Promise<SpoolFiles | null> {
  const info = await readInfo(join(path, INFO_FILE));
  if (info) return SpoolFiles.recover(path, info, options);
  logger.warn("spool-log-removed", { path });
  await rm(path, { recursive: true, force: true });
  return null;
}

async function readInfo(path: string): Promise<SpoolLogInfo | null> {
  try {
    const info: unknown = JSON.parse(await readFile(path, "utf8"));
    return isInfo(info) ? info : null;
  } catch {
    return null;
  }
}

function isInfo(value: unknown): value is SpoolLogInfo {
  if (typeof value !== "object" || value === null) return false;
  const { kind, id, threadId, tag }: Partial<Record<keyof SpoolLogInfo, unknown>> = value;
  return (
    (kind === "run" || kind === "thread" || kind === "body") &&
    typeof id === "string" &&
    (threadId === null || typeof threadId === "string") &&
    typeof tag === "string" &&
    /^[a-z0-9]{8}$/.test(tag)
  );
}
