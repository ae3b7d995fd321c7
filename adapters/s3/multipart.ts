import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { MultipartUpload } from "../../src/ports/object-bucket.ts";
import { noAnswer, s3Error, statusOf, throwS3Error } from "./errors.ts";

export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly tag: string;
}

/** Begins an upload in parts. */
export async function beginUpload(
  client: S3Client,
  { bucket, key, tag }: UploadTarget,
  options: { abortSignal?: AbortSignal },
): Promise<MultipartUpload> {
  const target = { Bucket: bucket, Key: key };
  const begun = await client
    .send(new CreateMultipartUploadCommand({ ...target, Metadata: { tag } }), options)
    .catch(throwS3Error);
  const { UploadId } = begun;
  if (UploadId === undefined) throw noAnswer(new TypeError("An upload without an id"));
  const parts: { PartNumber: number; ETag: string | undefined }[] = [];

  return {
    async part(Body) {
      const PartNumber = parts.length + 1;
      const command = new UploadPartCommand({ ...target, UploadId, PartNumber, Body });
      const { ETag } = await client.send(command).catch(throwS3Error);
      parts.push({ PartNumber, ETag });
    },

    async complete() {
      const MultipartUpload = { Parts: parts };
      const command = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload });
      await client.send(command).catch(throwS3Error);
    },

    async abort() {
      await client
        .send(new AbortMultipartUploadCommand({ ...target, UploadId }))
        .catch(throwS3Error);
    },
  };
}

/** Throws away the uploads whose keys begin with `prefix`. */
export async function abortUploads(
  client: S3Client,
  Bucket: string,
  Prefix: string,
  options: { abortSignal?: AbortSignal },
): Promise<void> {
  for (;;) {
    const list = new ListMultipartUploadsCommand({ Bucket, Prefix });
    const { Uploads = [], IsTruncated } = await client.send(list, options).catch(orNone);
    for (const { Key, UploadId } of Uploads)
      await client
        .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), options)
        .catch((error: unknown) => {
          // it was completed or thrown away meanwhile
          if (statusOf(error) !== 404) throw s3Error(error);
        });
    // those that were listed are gone: the next page begins again
    if (!IsTruncated || Uploads.length === 0) return;
  }
}

/** A server that cannot name them throws them away by itself, or its keeper does. */
function orNone(error: unknown): ListMultipartUploadsCommandOutput {
  if (statusOf(error) !== 501) throw s3Error(error);
  return { $metadata: {} };
}
