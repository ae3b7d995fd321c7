import type { ObjectBucket } from "../../ports/object-bucket.ts";
import { gzipMember } from "../../stream/bytes/gzip.ts";
import { Sha256 } from "../../stream/bytes/sha256.ts";
import type { ArchiveKeys, ArchiveName } from "./keys.ts";
import {
  type ArchivedLog,
  type ArchivedSegment,
  MEMBER_BYTES,
  type PackName,
  SEGMENT_BYTES,
} from "./manifest.ts";
import type { PackSource } from "./pack-source.ts";
import { createPartWriter } from "./part-writer.ts";
import type { RetryingBucket } from "./retrying-bucket.ts";

export interface PackOptions {
  readonly name: ArchiveName;
  readonly log: PackName;
  readonly source: PackSource;
  readonly bucket: ObjectBucket;
  readonly retrying: RetryingBucket;
  readonly keys: ArchiveKeys;
  /** Segments that exist already, from the log's beginning. */
  readonly done: readonly ArchivedSegment[];
  /** Called after each new segment with the log so far. */
  readonly onSegment: (written: ArchivedLog) => Promise<void>;
  /** Called with the number of bytes of the log that were read. */
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Packs a log, except for the segments that are done: those are only read for the log's digest. */
export async function packLog(options: PackOptions): Promise<ArchivedLog> {
  const { source, done, retrying, onSegment, signal } = options;
  const { end } = source;
  let hash = new Sha256();
  const segments: ArchivedSegment[] = [];
  const written = (bytes: number): ArchivedLog => ({ bytes, sha256: hash.hex(), segments });
  for (let start = 0; start < end; start += SEGMENT_BYTES) {
    const bytes = Math.min(SEGMENT_BYTES, end - start);
    const known = done.find((segment) => segment.start === start && segment.bytes === bytes);
    if (known) {
      for await (const chunk of read(options, start, bytes)) hash.update(chunk);
      segments.push(known);
      continue;
    }
    // an attempt that fails has read, and digested, for nothing
    const before = hash;
    const packed = await retrying.retry(() => {
      hash = before.clone();
      return packSegment(options, start, bytes, hash);
    }, signal);
    segments.push(packed);
    await onSegment(written(start + bytes));
  }
  return written(end);
}

async function packSegment(
  options: PackOptions,
  start: number,
  bytes: number,
  hash: Sha256,
): Promise<ArchivedSegment> {
  const { name, log, bucket, keys, signal } = options;
  const key = keys.segment(name, log, start, start + bytes);
  const writer = createPartWriter(bucket, key, signal);
  const members: number[] = [];
  const member = new Uint8Array(Math.min(MEMBER_BYTES, bytes));
  let filled = 0;
  const flush = async (): Promise<void> => {
    const packed = await gzipMember(member.subarray(0, filled));
    members.push(packed.length);
    filled = 0;
    await writer.write(packed);
  };
  try {
    for await (const chunk of read(options, start, bytes)) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) {
        const piece = chunk.subarray(at, at + member.length - filled);
        member.set(piece, filled);
        filled += piece.length;
        at += piece.length;
        if (filled === member.length) await flush();
      }
    }
    if (filled > 0) await flush();
    await writer.complete();
  } catch (error) {
    // if that fails, the next archiving of the session discards them
    await writer.abort().catch(() => {});
    throw error;
  }
  return { start, bytes, members };
}

async function* read(
  { source, signal, onBytes }: PackOptions,
  start: number,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source.read({ start, end: start + bytes, signal })) {
    onBytes(chunk.length);
    yield chunk;
  }
}
