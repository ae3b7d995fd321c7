import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { manifestOf, needArchives } from "./archived-reader.ts";
import type { Archives } from "./archives.ts";
import type { Manifest } from "./manifest.ts";
import type { ArchiveSource } from "./pack-source.ts";
import type { WatchOptions } from "./progress.ts";
import { asIfNew, decodeStub } from "./stub.ts";

export interface ArchivingsOptions {
  readonly store: LogStore;
  /** The bytes to be archived. */
  readonly source: ArchiveSource;
  /** The session as the store has it, stub or not. */
  readonly stat: (key: SessionKey) => Promise<LogStat | null>;
  readonly archives: Archives | null;
  /** Whether the archive holds all of the session. */
  readonly isArchived: (key: SessionKey, stat: LogStat, manifest: Manifest) => Promise<boolean>;
  /**
   * Releases the session's bytes in the store; false if the session has changed since it was
   * archived.
   */
  readonly evict: (key: SessionKey, manifest: Manifest) => Promise<boolean>;
}

export interface ArchiveOptions extends WatchOptions {
  /** Releases the store's own bytes once the archive is verified. Default false. */
  readonly deleteLocal?: boolean;
}

/** The archivings that are under way. */
export interface Archivings {
  /** See `ArchivingStore.archive`. Calls with the same arguments share one. */
  archive(key: SessionKey, options?: ArchiveOptions): Promise<Manifest>;
  /** Aborts what is under way, of a session or of all; resolves when it has ended. */
  stop(key?: SessionKey): Promise<void>;
}

interface Entry {
  readonly id: string;
  readonly abort: AbortController;
  readonly result: Promise<Manifest>;
}

/** Attempts of an archiving; one that meets a change begins again. */
const TRIES = 3;

export function createArchivings(options: ArchivingsOptions): Archivings {
  const { store, source, stat, archives, isArchived, evict } = options;
  /** By session, and by whether its bytes are to be released. */
  const entries = new Map<string, Entry>();

  async function archive(key: SessionKey, watch: ArchiveOptions): Promise<Manifest> {
    const { deleteLocal = false } = watch;
    const target = needArchives(archives);
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = await stat(key);
      const found = stored && asIfNew(stored);
      if (!found) throw new RunlogError("log-not-found", "There is no such log");
      const stub = decodeStub(found.head);
      if (stub) return manifestOf(archives, key, stub.logId);
      await refuseOpenRuns(store, key);
      const known = await target.find(key).catch(orNone);
      const isDone = known !== null && (await isArchived(key, found, known));
      // a long time may have passed since it was verified
      const isGood = isDone && (!deleteLocal || (await isWhole(target, known, watch)));
      const manifest = isGood ? known : await target.write(source, key, found, watch);
      const isEmpty = found.end.raw === 0;
      if (!deleteLocal || isEmpty || (await evict(key, manifest))) return manifest;
    }
    throw new RunlogError("session-conflict", "The session changes while it is archived");
  }

  return {
    archive(key, watch = {}) {
      const id = idOf(key);
      const name = `${id}/${watch.deleteLocal ?? false}`;
      const known = entries.get(name);
      if (known) return known.result;
      const abort = new AbortController();
      const signal = watch.signal ? AbortSignal.any([watch.signal, abort.signal]) : abort.signal;
      const before = [...entries.values()].filter((entry) => entry.id === id);
      const result = Promise.allSettled(before.map((entry) => entry.result))
        .then(() => archive(key, { ...watch, signal }))
        .finally(() => entries.delete(name));
      entries.set(name, { id, abort, result });
      return result;
    },

    async stop(key) {
      const wanted = [...entries.values()].filter((entry) => !key || entry.id === idOf(key));
      const reason = key
        ? new RunlogError("session-conflict", "The session was deleted meanwhile")
        : new RunlogError("store-closed", "The store is closed");
      for (const { abort } of wanted) abort.abort(reason);
      await Promise.allSettled(wanted.map(({ result }) => result));
    },
  };
}

/** Null for a damaged manifest, since the archive is about to be written again. */
function orNone(error: unknown): null {
  if (hasCode(error, "archive-damaged")) return null;
  throw error;
}

/** Whether the archive is undamaged; if not, it is written again. */
async function isWhole(archives: Archives, manifest: Manifest, watch: WatchOptions) {
  try {
    await archives.verify(manifest, watch);
    return true;
  } catch (error) {
    if (hasCode(error, "archive-damaged", "log-not-found")) return false;
    throw error;
  }
}

async function refuseOpenRuns(store: LogStore, key: SessionKey): Promise<void> {
  for await (const { runId } of store.openRuns(key))
    throw new RunlogError("run-active", "The session has an open run", { runId });
}
