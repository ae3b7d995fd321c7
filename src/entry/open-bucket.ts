import { createFileBucket } from "../../adapters/file-bucket/index.ts";
import type { ArchiveConfig } from "../config/storage.ts";
import type { ObjectBucket } from "../ports/object-bucket.ts";

/** A bucket, and what the keys in it begin with. */
export interface OpenBucket {
  readonly bucket: ObjectBucket;
  readonly prefix: string;
  /** Lets its connections go. */
  close(): void;
}

/** Opens a place for archives; its bucket is made if that is configured. */
export async function openBucket(config: ArchiveConfig): Promise<OpenBucket> {
  if (config.kind === "file")
    return { bucket: createFileBucket({ dir: config.dir }), prefix: "", close() {} };
  const { bucket: name, prefix, endpoint, createBucket } = config;
  // loaded when it is asked for: the SDK takes memory, and need not be installed
  const { createS3Bucket } = await import("../../adapters/s3/index.ts");
  const bucket = createS3Bucket({ bucket: name, ...(endpoint !== null && { endpoint }) });
  if (createBucket) await bucket.make();
  return { bucket, prefix, close: () => bucket.close() };
}
