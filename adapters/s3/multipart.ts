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
import { type S3Errors, statusOf } from "./errors.ts";

export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly metadata: Record<string, string>;
}

/** A client, and what its errors are. */
export interface S3Access {
  readonly client: S3Client;
  readonly errors: S3Errors;
}

/** Begins an upload in parts. */
export async function beginUpload(
  { client, errors }: S3Access,
  { bucket, key, metadata: Metadata }: UploadTarget,
  options: { abortSignal?: AbortSignal },
): Promise<MultipartUpload> {
  const target = { Bucket: bucket, Key: key };
  const begun = await client
    .send(new CreateMultipartUploadCommand({ ...target, Metadata }), options)
    .catch(errors.throwOn);
  const { UploadId } = begun;
  if (UploadId === undefined) throw errors.noAnswer(new TypeError("An upload without an id"));
  const parts: { PartNumber: number; ETag: string | undefined }[] = [];

  return {
    async part(Body) {
      const PartNumber = parts.length + 1;
      const command = new UploadPartCommand({ ...target, UploadId, PartNumber, Body });
      const { ETag } = await client.send(command).catch(errors.throwOn);
      parts.push({ PartNumber, ETag });
    },

    async complete() {
      const MultipartUpload = { Parts: parts };
      const command = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload });
      await client.send(command).catch(errors.throwOn);
    },

    async abort() {
      await client
        .send(new AbortMultipartUploadCommand({ ...target, UploadId }))
        .catch(errors.throwOn);
    },
  };
}

/** Throws away the uploads whose keys begin with `prefix`. */
export async function abortUploads(
  { client, errors }: S3Access,
  Bucket: string,
  Prefix: string,
  options: { abortSignal?: AbortSignal },
): Promise<void> {
  for (;;) {
    const list = new ListMultipartUploadsCommand({ Bucket, Prefix });
    const { Uploads = [], IsTruncated } = await client
      .send(list, options)
      .catch((error: unknown) => orNone(error, errors));
    for (const { Key, UploadId } of Uploads)
      await client
        .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), options)
        .catch((error: unknown) => {
          // it was completed or thrown away meanwhile
          if (statusOf(error) !== 404) throw errors.of(error);
        });
    // those that were listed are gone: the next page begins again
    if (!IsTruncated || Uploads.length === 0) return;
  }
}

/** A server that cannot name them throws them away by itself, or its keeper does. */
function orNone(error: unknown, errors: S3Errors): ListMultipartUploadsCommandOutput {
  if (statusOf(error) !== 501) throw errors.of(error);
  return { $metadata: {} };
}
