import { RunlogError } from "../../ports/errors.ts";
import type { ByteBudget } from "../../stream/sync/byte-budget.ts";
import { gunzipMember } from "../../stream/bytes/gzip.ts";
import type { ArchiveKeys } from "./keys.ts";
import { type Manifest, MEMBER_BYTES, type PackName, packOf, SEGMENT_BYTES } from "./manifest.ts";
import type { RetryingBucket } from "./retrying-bucket.ts";

export interface UnpackOptions {
  readonly manifest: Manifest;
  readonly log: PackName;
  readonly retrying: RetryingBucket;
  readonly keys: ArchiveKeys;
  /** The memory for packed members. */
  readonly budget: ByteBudget;
  /** First byte, and one past the last; within the log. */
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal;
}

/**
 * The bytes from `start` to `end` of an archived log, in chunks that belong to the caller. Only the
 * members with some of them are fetched, one at a time as the chunks are pulled. Throws
 * `log-not-found` when the archive is deleted meanwhile, `archive-damaged` when a member is
 * damaged.
 */
export async function* unpackLog(options: UnpackOptions): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { start, end, budget, signal } = options;
  for (let at = start; at < end;) {
    const memberStart = at - (at % MEMBER_BYTES);
    const found = findMember(options, memberStart);
    await budget.take(found.packedBytes, { signal });
    try {
      const packed = await fetchMember(options, found);
      let offset = memberStart;
      for await (const chunk of unpacked(packed, found.bytes)) {
        const from = Math.max(at - offset, 0);
        offset += chunk.length;
        const wanted = chunk.slice(from, chunk.length - Math.max(offset - end, 0));
        if (wanted.length === 0) continue;
        at += wanted.length;
        yield wanted;
        if (at === end) return;
      }
    } finally {
      budget.release(found.packedBytes);
    }
  }
}

interface Member {
  readonly key: string;
  /** Offset in its object. */
  readonly offset: number;
  readonly packedBytes: number;
  /** Bytes of the log that it holds. */
  readonly bytes: number;
}

function findMember({ manifest, log, keys }: UnpackOptions, memberStart: number): Member {
  const segment = packOf(manifest, log).segments[Math.floor(memberStart / SEGMENT_BYTES)];
  const inSegment = memberStart % SEGMENT_BYTES;
  const index = inSegment / MEMBER_BYTES;
  const packedBytes = segment?.members[index];
  if (!segment || packedBytes === undefined) throw damaged();
  return {
    key: keys.segment(manifest, log, segment.start, segment.start + segment.bytes),
    offset: segment.members.slice(0, index).reduce((sum, bytes) => sum + bytes, 0),
    packedBytes,
    bytes: Math.min(MEMBER_BYTES, segment.bytes - inSegment),
  };
}

async function fetchMember(
  { retrying, signal }: UnpackOptions,
  { key, offset, packedBytes }: Member,
): Promise<Uint8Array<ArrayBuffer>> {
  const packed = await retrying.read(key, offset, offset + packedBytes, signal);
  if (!packed) throw new RunlogError("log-not-found", "The archive was deleted");
  if (packed.length !== packedBytes) throw damaged();
  return new Uint8Array(packed);
}

/** Unpacks a member, which has to hold `bytes` bytes: no more is ever unpacked. */
async function* unpacked(
  packed: Uint8Array<ArrayBuffer>,
  bytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let left = bytes;
  try {
    for await (const chunk of gunzipMember(packed)) {
      left -= chunk.length;
      if (left < 0) throw damaged();
      yield chunk;
    }
  } catch (error) {
    throw error instanceof RunlogError ? error : damaged(error);
  }
  if (left !== 0) throw damaged();
}

function damaged(cause?: unknown): RunlogError {
  return new RunlogError("archive-damaged", "An archived log is damaged", { cause });
}
