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

/** Opens a place for archives; S3 with what the AWS SDK reads from the environment. */
export async function openBucket(config: ArchiveConfig): Promise<OpenBucket> {
  if (config.kind === "file")
    return { bucket: createFileBucket({ dir: config.dir }), prefix: "", close() {} };
  // the SDK takes 30 MiB of memory: only who uses it pays for it
  const { createS3Bucket } = await import("../../adapters/s3/index.ts");
  const endpoint = process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"];
  const bucket = createS3Bucket({ bucket: config.bucket, ...(endpoint && { endpoint }) });
  return { bucket, prefix: config.prefix, close: () => bucket.close() };
}
