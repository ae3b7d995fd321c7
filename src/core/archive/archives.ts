import type { Clock } from "../../ports/clock.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { LogStat, SessionKey } from "../../ports/log-store.ts";
import type { ObjectBucket } from "../../ports/object-bucket.ts";
import { createByteBudget } from "../../stream/sync/byte-budget.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { textOfLabel } from "../../stream/text/dns-label.ts";
import { Sha256 } from "../../stream/bytes/sha256.ts";
import { type ArchiveKeys, type ArchiveName, createArchiveKeys } from "./keys.ts";
import { createManifestCache } from "./manifest-cache.ts";
import {
  decodeManifest,
  EMPTY_LOG,
  encodeManifest,
  type Manifest,
  PACK_NAMES,
  type PackName,
  packOf,
  packsOf,
  recordOfLogs,
  totalBytes,
  type WrittenPacks,
} from "./manifest.ts";
import { type ArchiveSource, packSources } from "./pack-source.ts";
import { createRetryingBucket, type RetryingBucket } from "./retrying-bucket.ts";
import type { WatchOptions } from "./progress.ts";
import { unpackLog } from "./unpack-log.ts";
import { writeLogs } from "./write-logs.ts";

export interface ArchivesOptions {
  readonly bucket: ObjectBucket;
  /** The prefix of all keys: "" or a path that ends with a slash. Default "". */
  readonly prefix?: string;
  readonly clock: Clock;
}

interface ReadArchiveOptions extends ByteRange {
  readonly log: PackName;
  readonly signal: AbortSignal;
}

/**
 * Archived sessions in a bucket. An archive exists once its manifest does, and by then everything
 * else of it was read back and compared; segments that an interrupted archiving has left are used
 * by the next one. A session has one archive. Failures are those of the ObjectBucket, and
 * `archive-damaged`.
 */
export interface Archives {
  /** The session's archive, or null if there is none. */
  find(key: SessionKey): Promise<Manifest | null>;
  /** All archives, or those of a project; by project, then by session. */
  list(project?: string): AsyncGenerator<ArchiveName>;
  /**
   * Archives the session in the state of `stat`, with the messages that `source` has; messages that
   * its archive has already stay. When it is repeated it writes only what is new.
   */
  write(
    source: ArchiveSource,
    key: SessionKey,
    stat: LogStat,
    options?: WatchOptions,
  ): Promise<Manifest>;
  /** Bytes of an archived log: see `unpackLog`. */
  read(manifest: Manifest, options: ReadArchiveOptions): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** Reads an archive whole and compares its digests. Throws `archive-damaged` if one differs. */
  verify(manifest: Manifest, options?: WatchOptions): Promise<void>;
  /**
   * Removes the session's archive and all remains of earlier ones. Resolves with whether there was
   * one.
   */
  remove(key: SessionKey): Promise<boolean>;
}

/** Memory of packed members that are being read; further reads wait. */
const READ_BUDGET_BYTES = 64 * 1024 * 1024;

/**
 * The archives in a bucket, below `prefix`. One for a process: it caches manifests and bounds what is
 * unpacked at once.
 *
 * @example
 * ```ts
 * import { createArchives } from "runlog";
 * import { createFileBucket } from "runlog/file-bucket";
 * import { systemClock } from "runlog/node";
 *
 * const bucket = createFileBucket({ dir: "/mnt/archive" });
 * const archives = createArchives({ bucket, clock: systemClock });
 * ```
 */
export function createArchives(options: ArchivesOptions): Archives {
  const { bucket, prefix = "", clock } = options;
  const keys = createArchiveKeys(prefix);
  const retrying = createRetryingBucket(bucket, clock);
  const cache = createManifestCache(clock);
  const budget = createByteBudget(READ_BUDGET_BYTES);

  async function find(key: SessionKey): Promise<Manifest | null> {
    const known = cache.get(key);
    if (known) return known;
    const newest = (await manifestsOf(keys, retrying, key)).at(-1);
    const bytes = newest && (await retrying.read(keys.manifest(newest)));
    if (!bytes) return null;
    const manifest = decodeManifest(bytes);
    if (keys.manifest(manifest) !== keys.manifest(newest))
      throw new RunlogError("archive-damaged", "The archive's manifest is that of another one");
    cache.set(manifest);
    return manifest;
  }

  /** The session's name as its manifest says it; its label if the manifest is damaged, null if gone. */
  async function nameIn(manifestKey: string, label: string): Promise<string | null> {
    const bytes = await retrying.read(manifestKey);
    try {
      return bytes && decodeManifest(bytes).session;
    } catch {
      return label;
    }
  }

  async function verify(
    manifest: Manifest,
    { onProgress, signal = new AbortController().signal }: WatchOptions = {},
  ): Promise<void> {
    const total = totalBytes(manifest);
    let doneBytes = 0;
    for (const log of PACK_NAMES) {
      const hash = new Sha256();
      const { bytes: end, sha256 } = packOf(manifest, log);
      const range = { log, start: 0, end, signal };
      for await (const chunk of unpackLog({ manifest, retrying, keys, budget, ...range })) {
        hash.update(chunk);
        doneBytes += chunk.length;
        onProgress?.({ phase: "verify", doneBytes, totalBytes: total });
      }
      if (hash.hex() !== sha256)
        throw new RunlogError("archive-damaged", "An archived log is not what was archived");
    }
  }

  /** Removes the session's objects that do not belong to `kept`. */
  async function sweep(key: SessionKey, kept: Manifest | null): Promise<void> {
    const stale = (await manifestsOf(keys, retrying, key)).filter(
      ({ logId }) => logId !== kept?.logId,
    );
    // the manifests first: if this is interrupted, the next sweep finds the rest
    await retrying.delete(stale.map((name) => keys.manifest(name)));
    const used = new Set(kept && objectsOf(keys, kept));
    const unused: string[] = [];
    for await (const object of retrying.list(keys.folder(key)))
      if (!used.has(object.key)) unused.push(object.key);
    await retrying.delete(unused);
  }

  return {
    find,
    verify,

    async *list(project) {
      const from = project === undefined ? keys.manifests : keys.manifestsOf(project);
      for await (const { key } of retrying.list(from)) {
        const found = keys.parseManifest(key);
        if (!found) continue;
        const session = textOfLabel(found.label) ?? (await nameIn(key, found.label));
        if (session !== null) yield { project: found.project, session, logId: found.logId };
      }
    },

    async write(source, key, stat, watch = {}) {
      const { logId, head, document, notes } = stat;
      const name = { ...key, logId };
      const previous = await find(key).catch((error: unknown) => {
        if (hasCode(error, "archive-damaged")) return null;
        throw error;
      });
      const same = previous?.logId === logId ? previous : null;
      const sources = await packSources(source, key, stat);
      const common = { name, sources, bucket, retrying, keys, ...watch };
      const attempt = async (base: WrittenPacks | null): Promise<Manifest> => {
        const packs = await writeLogs({ ...common, base });
        const manifest: Manifest = {
          ...name,
          archivedAtMs: clock.now(),
          head,
          document,
          notes,
          logs: recordOfLogs((log) => packs[log] ?? EMPTY_LOG),
          messages: packs.messages ?? same?.messages ?? null,
        };
        await verify(manifest, watch);
        return manifest;
      };
      const base = same && packsOf(same);
      const manifest = await attempt(base).catch((error: unknown) => {
        // segments found in the bucket were not what their names promise: none of them is used
        // again
        if (hasCode(error, "archive-damaged")) return attempt({});
        throw error;
      });
      await retrying.put(keys.manifest(name), encodeManifest(manifest));
      cache.set(manifest);
      await sweep(key, manifest);
      return manifest;
    },

    read: (manifest, range) => unpackLog({ manifest, retrying, keys, budget, ...range }),

    async remove(key) {
      cache.forget(key);
      const had = await manifestsOf(keys, retrying, key);
      await sweep(key, null);
      await retrying.retry(() => bucket.abortUploads(keys.folder(key)));
      cache.forget(key);
      return had.length > 0;
    },
  };
}

/** The names of a session's archives, oldest first: two for the moment between put and sweep. */
async function manifestsOf(
  keys: ArchiveKeys,
  retrying: RetryingBucket,
  { project, session }: SessionKey,
): Promise<ArchiveName[]> {
  const names: ArchiveName[] = [];
  for await (const { key } of retrying.list(keys.manifestsOf(project, session))) {
    const found = keys.parseManifest(key);
    if (found) names.push({ project, session, logId: found.logId });
  }
  return names;
}

function objectsOf(keys: ArchiveKeys, manifest: Manifest): string[] {
  return PACK_NAMES.flatMap((log) =>
    packOf(manifest, log).segments.map(({ start, bytes }) =>
      keys.segment(manifest, log, start, start + bytes),
    ),
  );
}
