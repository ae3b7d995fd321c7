import { LOG_NAMES, type LogName, type LogReader, type LogStat } from "../../ports/log-store.ts";
import type { ObjectBucket } from "../../ports/object-bucket.ts";
import type { WatchOptions } from "./archives.ts";
import type { ArchiveKeys, ArchiveName } from "./keys.ts";
import {
  type ArchivedLog,
  decodeDraft,
  EMPTY_LOG,
  encodeDraft,
  packedBytes,
  recordOfLogs,
  totalBytes,
  type WrittenLogs,
} from "./manifest.ts";
import { packLog } from "./pack-log.ts";
import type { PatientBucket } from "./patient-bucket.ts";

export interface WriteLogsOptions extends WatchOptions {
  readonly name: ArchiveName;
  /** How much of each log to write. */
  readonly end: LogStat["end"];
  readonly reader: Pick<LogReader, "read">;
  readonly bucket: ObjectBucket;
  readonly patient: PatientBucket;
  readonly keys: ArchiveKeys;
  /** Segments that an earlier archiving has written. Default: those that its draft tells of. */
  readonly base: WrittenLogs | null;
}

/** Writes all logs of a session, but for the segments that are there already. */
export async function writeLogs(
  options: WriteLogsOptions,
): Promise<Readonly<Record<LogName, ArchivedLog>>> {
  const { name, end, bucket, patient, keys, onProgress } = options;
  const { signal = new AbortController().signal } = options;
  await patient.retry(() => bucket.abortUploads(keys.folder(name)), signal);
  const draft = keys.draft(name);
  const base = options.base ?? decodeDraft(await patient.read(draft));
  const sizes = new Map<string, number>();
  for await (const { key, size } of patient.list(keys.folder(name, name.logId)))
    sizes.set(key, size);
  const total = totalBytes((log) => end[log]);
  let doneBytes = 0;
  const written: Partial<Record<LogName, ArchivedLog>> = {};
  for (const log of LOG_NAMES) {
    const done = (base[log]?.segments ?? []).filter((segment) => {
      const key = keys.segment(name, log, segment.start, segment.start + segment.bytes);
      return sizes.get(key) === packedBytes(segment);
    });
    written[log] = await packLog({
      ...options,
      log,
      end: end[log],
      done,
      signal,
      onBytes(bytes) {
        doneBytes += bytes;
        onProgress?.({ phase: "pack", doneBytes, totalBytes: total });
      },
      async onSegment(soFar) {
        written[log] = soFar;
        await patient.put(draft, encodeDraft(written));
      },
    });
  }
  return recordOfLogs((log) => written[log] ?? EMPTY_LOG);
}
