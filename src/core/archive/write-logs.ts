import type { ObjectBucket } from "../../ports/object-bucket.ts";
import type { ArchiveKeys, ArchiveName } from "./keys.ts";
import {
  type ArchivedLog,
  decodeDraft,
  encodeDraft,
  PACK_NAMES,
  type PackName,
  packedBytes,
  type WrittenPacks,
} from "./manifest.ts";
import { packLog } from "./pack-log.ts";
import type { PackSources } from "./pack-source.ts";
import type { RetryingBucket } from "./retrying-bucket.ts";
import type { WatchOptions } from "./progress.ts";

export interface WriteLogsOptions extends WatchOptions {
  readonly name: ArchiveName;
  readonly sources: PackSources;
  readonly bucket: ObjectBucket;
  readonly retrying: RetryingBucket;
  readonly keys: ArchiveKeys;
  /** Segments that an earlier archiving has written. Null: those in its draft. */
  readonly base: WrittenPacks | null;
}

/** Writes everything of a session, except for the segments that exist already. */
export async function writeLogs(options: WriteLogsOptions): Promise<WrittenPacks> {
  const { name, sources, bucket, retrying, keys, onProgress } = options;
  const { signal = new AbortController().signal } = options;
  await retrying.retry(() => bucket.abortUploads(keys.folder(name)), signal);
  const draft = keys.draft(name);
  const base = options.base ?? decodeDraft(await retrying.read(draft));
  const sizes = new Map<string, number>();
  for await (const { key, size } of retrying.list(keys.folder(name, name.logId)))
    sizes.set(key, size);
  const total = PACK_NAMES.reduce((sum, log) => sum + (sources[log]?.end ?? 0), 0);
  let doneBytes = 0;
  const written: Partial<Record<PackName, ArchivedLog>> = {};
  for (const log of PACK_NAMES) {
    const source = sources[log];
    if (!source) continue;
    const done = (base[log]?.segments ?? []).filter((segment) => {
      const key = keys.segment(name, log, segment.start, segment.start + segment.bytes);
      return sizes.get(key) === packedBytes(segment);
    });
    written[log] = await packLog({
      ...options,
      log,
      source,
      done,
      signal,
      onBytes(bytes) {
        doneBytes += bytes;
        onProgress?.({ phase: "pack", doneBytes, totalBytes: total });
      },
      async onSegment(soFar) {
        written[log] = soFar;
        await retrying.put(draft, encodeDraft(written));
      },
    });
  }
  return written;
}
