import { existsSync } from "node:fs";
import { type FileHandle, open, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RunlogError } from "../../src/ports/errors.ts";
import type { LegacyLogs } from "../../src/ports/legacy-logs.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";
import type { KeyedMutex } from "../../src/stream/sync/keyed-mutex.ts";
import { isOwnLabel } from "../../src/stream/text/dns-label.ts";
import { diskError, isErrno, throwDiskError } from "./errors.ts";
import { type Layout, LOG_FILES } from "./layout.ts";
import type { SessionCache } from "./session-cache.ts";
import { syncDirectory } from "./sync-directory.ts";
import { LEGACY_EVENTS, takeOver } from "./take-over.ts";

export interface DiskLegacyOptions {
  readonly layout: Layout;
  readonly cache: SessionCache;
  /** What makes and deletes logs, by the session's id. */
  readonly inTurn: KeyedMutex;
  readonly idOf: (key: SessionKey) => string;
  readonly assertOpen: () => void;
  /** The same for what writes. */
  readonly assertWritable: () => void;
}

const LEGACY_MESSAGES = "messages.jsonl";
const MIGRATED_MESSAGES = "messages.jsonl.migrated";
/** The event that was made of the messages, whole, until it becomes the raw log. */
const MIGRATION = "migration.jsonl";

const CHUNK = 64 * 1024;

/**
 * Legacy logs as directories `sessions/<session>/` with `agui-events.jsonl`, `messages.jsonl` or
 * `messages.jsonl.migrated`; any other file in them moves along and is ignored. An import is one
 * rename of the directory to the place of the log's directory.
 */
export function createDiskLegacy(options: DiskLegacyOptions): LegacyLogs {
  const { layout, cache, inTurn, idOf, assertOpen, assertWritable } = options;

  /** An older system knew labels alone. */
  function has(session: string): boolean {
    if (!isOwnLabel(session)) return false;
    return [LEGACY_EVENTS, LEGACY_MESSAGES, MIGRATED_MESSAGES].some((name) =>
      existsSync(join(layout.legacySession(session), name)),
    );
  }

  return {
    async has(session) {
      assertOpen();
      return has(session);
    },

    async takeOver(key, edits) {
      assertWritable();
      return inTurn.run(idOf(key), async () => {
        if (!has(key.session) || (await cache.use(key, async (log) => log !== null))) return false;
        // so that a lookup from before the import does not report afterwards that there is no log
        return cache.remove(key, () => takeOver(layout, key, edits).catch(throwDiskError));
      });
    },

    async migrate(key, logId, convert) {
      assertWritable();
      const dir = layout.log(key, logId);
      await inTurn.run(idOf(key), async () => {
        if (!existsSync(join(dir, MIGRATION))) {
          const messages = existsSync(join(dir, LOG_FILES.raw))
            ? null
            : await readOld(join(dir, LEGACY_MESSAGES), assertOpen);
          if (!messages) return;
          await spool(join(dir, MIGRATION), convert(messages)).catch(throwDiskError);
        }
        await cache.remove(key, async (log) => {
          await log?.abandon();
          await install(dir).catch(throwDiskError);
        });
      });
    },

    async messages(key, logId) {
      assertOpen();
      return readLegacyMessages(layout.log(key, logId), assertOpen);
    },

    async putMessages(key, logId, messages) {
      assertWritable();
      const dir = layout.log(key, logId);
      await inTurn.run(idOf(key), async () => {
        if (!existsSync(dir)) throw new RunlogError("log-not-found", "There is no such log");
        await spool(join(dir, MIGRATED_MESSAGES), messages).catch(throwDiskError);
      });
    },
  };
}

/** The messages in a log's directory, migrated or not; null if there are none. */
export async function readLegacyMessages(
  dir: string,
  assertOpen: () => void,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null> {
  const migrated = await readOld(join(dir, MIGRATED_MESSAGES), assertOpen);
  return migrated ?? readOld(join(dir, LEGACY_MESSAGES), assertOpen);
}

/** The content of a file, as long as `assertOpen` does not throw; null if there is none. */
async function readOld(
  path: string,
  assertOpen: () => void,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null> {
  try {
    return streamOf(await open(path, "r"), assertOpen);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw diskError(error);
  }
}

/** Puts the migrated event in the log's place, if there is one; what was begun before goes on. */
async function install(dir: string): Promise<void> {
  const migration = join(dir, MIGRATION);
  await rename(join(dir, LEGACY_MESSAGES), join(dir, MIGRATED_MESSAGES)).catch((error: unknown) => {
    if (!isErrno(error, "ENOENT")) throw error;
  });
  const { size } = await stat(migration);
  if (size > 0) await rename(migration, join(dir, LOG_FILES.raw));
  else await unlink(migration);
  await syncDirectory(dir);
}

/** Writes pieces to a file that is there, on the device, only when it is whole. */
async function spool(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w", 0o640);
  try {
    let held: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of pieces) {
      held.push(piece);
      bytes += piece.length;
      if (bytes < CHUNK) continue;
      await file.appendFile(concatBytes(held));
      held = [];
      bytes = 0;
    }
    if (bytes > 0) await file.appendFile(concatBytes(held));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

function streamOf(
  file: FileHandle,
  assertOpen: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          assertOpen();
          const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK), 0, CHUNK, null);
          if (bytesRead > 0) return controller.enqueue(buffer.subarray(0, bytesRead));
          await file.close();
          controller.close();
        } catch (error) {
          await file.close();
          throwDiskError(error);
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  );
}
