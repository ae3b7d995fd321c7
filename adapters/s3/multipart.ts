import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { MultipartUpload } from "../../src/ports/object-bucket.ts";
import { noAnswer, throwS3Error } from "./errors.ts";

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
