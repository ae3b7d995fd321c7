import { createFileBucket } from "../../adapters/file-bucket/index.ts";
import type { ArchiveConfig } from "../config.ts";
import type { ObjectBucket } from "../ports/object-bucket.ts";

/** A bucket, and what the keys in it begin with. */
export interface OpenBucket {
  readonly bucket: ObjectBucket;
  readonly prefix: string;
  /** Lets its connections go. */
  close(): void;
}

/** Opens the place for archives that is configured. */
export async function openBucket(config: ArchiveConfig): Promise<OpenBucket> {
  if (config.kind === "file")
    return { bucket: createFileBucket({ dir: config.dir }), prefix: "", close() {} };
  throw new Error("s3");
}
