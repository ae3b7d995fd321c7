import type { MultipartUpload, ObjectBucket } from "../../ports/object-bucket.ts";

/** Bytes of a part: object stores want at least 5 MiB, and all but the last of one size. */
const PART_BYTES = 8 * 1024 * 1024;

/** An object that is written piece by piece, in the memory of one part. */
export interface PartWriter {
  /** Takes the next bytes; they may change once it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the object, which did not exist before. */
  complete(): Promise<void>;
  /** Discards what was written. */
  abort(): Promise<void>;
}

/** Writes the object `key`: in parts, or with one put if one part is enough. */
export function createPartWriter(
  bucket: ObjectBucket,
  key: string,
  signal: AbortSignal,
): PartWriter {
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;
  let upload: MultipartUpload | null = null;

  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        if (filled === part.length) {
          signal.throwIfAborted();
          upload ??= await bucket.multipart(key);
          await upload.part(part);
          // a client of the store may hold on to the bytes that it sent
          part = new Uint8Array(PART_BYTES);
          filled = 0;
        }
        const piece = bytes.subarray(at, at + part.length - filled);
        part.set(piece, filled);
        filled += piece.length;
        at += piece.length;
      }
    },

    async complete() {
      const last = part.subarray(0, filled);
      if (!upload) return bucket.put(key, last, { signal });
      await upload.part(last);
      await upload.complete();
    },

    async abort() {
      await upload?.abort();
    },
  };
}
