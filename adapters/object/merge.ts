import { RunlogError } from "../../src/ports/errors.ts";
import type { MultipartUpload } from "../../src/ports/object-bucket.ts";
import { mergedKey, type Segment } from "./keys.ts";
import type { BucketAccess } from "./log-end.ts";
import { SegmentReader } from "./segment-reader.ts";

const MIB = 1024 * 1024;
/** A merged object under this size is merged again with what comes after it. */
export const SMALL_BYTES: number = 8 * MIB;
const MOST_BYTES = 64 * MIB;
const PART_BYTES = 8 * MIB;

/** Segments after each other that become one. */
export interface MergeGroup {
  readonly start: number;
  readonly end: number;
  /** The notes of its last object, which may be the log's last one. Default: none. */
  readonly notes?: string;
}

/** Cuts a run of segments into groups of at most 64 MiB, or of one segment that is larger. */
export function groupsOf(segments: readonly Segment[]): MergeGroup[] {
  const groups: { start: number; end: number }[] = [];
  for (const { start, end } of segments) {
    const last = groups.at(-1);
    if (last && end - last.start <= MOST_BYTES) last.end = end;
    else groups.push({ start, end });
  }
  return groups;
}

/**
 * Puts the bytes of a group under a name of their own, in memory of one part. Accepted bytes never
 * change, so that it does no harm who does it, nor how often.
 */
export async function mergeGroup(
  access: Pick<BucketAccess, "bucket" | "retry">,
  folder: string,
  { start, end, notes }: MergeGroup,
): Promise<Segment> {
  const { bucket, retry } = access;
  const key = mergedKey(folder, start, end);
  const about = notes ? { notes } : {};
  const source = new SegmentReader({ access, folder, start, end, signal: undefined });
  try {
    if (end - start <= PART_BYTES) {
      const bytes = await fill(source, end - start);
      const put = (signal: AbortSignal): Promise<void> =>
        bucket.put(key, bytes, { ...about, signal });
      await retry.until(put, { bytes: bytes.length });
    } else {
      await putInParts(access, source, { key, about, size: end - start });
    }
  } finally {
    source.close();
  }
  return { key, start, end, merged: true };
}

async function putInParts(
  { bucket, retry }: Pick<BucketAccess, "bucket" | "retry">,
  source: SegmentReader,
  target: { readonly key: string; readonly about: { notes?: string }; readonly size: number },
): Promise<void> {
  const { key, about, size } = target;
  const upload: MultipartUpload = await retry.until((signal) =>
    bucket.multipart(key, { ...about, signal }),
  );
  try {
    for (let left = size; left > 0; left -= PART_BYTES) {
      const bytes = await fill(source, Math.min(left, PART_BYTES));
      await retry.until(() => upload.part(bytes), { bytes: bytes.length });
    }
    await retry.until(() => upload.complete());
  } catch (error) {
    // what stays of it is for the bucket's own rule for uploads that were never completed
    upload.abort().catch(() => {});
    throw error;
  }
}

async function fill(source: SegmentReader, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size;) {
    const chunk = await source.read(size - at);
    if (chunk === null) throw new RunlogError("store-failed", "A log is shorter than it was");
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
