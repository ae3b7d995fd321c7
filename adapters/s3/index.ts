import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { RunlogError } from "../../src/ports/errors.ts";
import type { CallOptions, ListedObject, ObjectBucket } from "../../src/ports/object-bucket.ts";
import { bodyOf } from "./body.ts";
import { createS3Errors, isMissing, statusOf } from "./errors.ts";
import { factsIn, metadataOf } from "./metadata.ts";
import { abortUploads, beginUpload } from "./multipart.ts";

export interface S3BucketOptions {
  readonly bucket: string;
  /** Of a server that speaks S3 and is not Amazon's; buckets are then named in the path. Default none. */
  readonly endpoint?: string;
  /** Default: as the SDK finds it; with an endpoint `us-east-1`. */
  readonly region?: string;
  /** Default: as the SDK finds them. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface S3Bucket extends ObjectBucket {
  readonly place: string;
  /** Makes the bucket unless it is there. */
  make(options?: CallOptions): Promise<void>;
  /** Closes the connections. */
  close(): void;
}

const CONNECT_MS = 5_000;

/**
 * An ObjectBucket over S3 and what speaks like it. It makes the objects that its caller puts and no others.
 * The SDK's own retries are off: only the caller knows what may be tried again.
 *
 * @example
 * ```ts
 * import { createS3Bucket } from "runlog/s3";
 *
 * const bucket = createS3Bucket({ bucket: "sessions", endpoint: "http://127.0.0.1:9000" });
 * await bucket.make();
 * ```
 */
export function createS3Bucket(options: S3BucketOptions): S3Bucket {
  const { bucket: Bucket, endpoint } = options;
  const client = openClient(options);
  const errors = createS3Errors(Bucket, endpoint ?? null);

  return {
    place: errors.place,

    async get(Key, { start = 0, end, signal } = {}) {
      if (end !== undefined && end <= start) throw new TypeError("a range has at least one byte");
      const isWhole = start === 0 && end === undefined;
      const range = isWhole ? {} : { Range: `bytes=${start}-${end === undefined ? "" : end - 1}` };
      try {
        const command = new GetObjectCommand({ Bucket, Key, ...range });
        const output = await client.send(command, sendOptions(signal));
        return bodyOf(output, isWhole ? null : start, errors);
      } catch (error) {
        if (isMissing(error)) return null;
        throw errors.of(error);
      }
    },

    async head(Key, { signal } = {}) {
      try {
        const command = new HeadObjectCommand({ Bucket, Key });
        const { ContentLength: size = 0, Metadata } = await client.send(
          command,
          sendOptions(signal),
        );
        return { size, ...factsIn(Metadata) };
      } catch (error) {
        if (isMissing(error)) return null;
        throw errors.of(error);
      }
    },

    async put(Key, Body, { signal, ...about } = {}) {
      const command = new PutObjectCommand({ Bucket, Key, Body, Metadata: metadataOf(about) });
      await client.send(command, sendOptions(signal)).catch(errors.throwOn);
    },

    async putIfAbsent(Key, Body, { signal, ...about } = {}) {
      const input = { Bucket, Key, Body, Metadata: metadataOf(about), IfNoneMatch: "*" };
      try {
        await client.send(new PutObjectCommand(input), sendOptions(signal));
        return true;
      } catch (error) {
        if (statusOf(error) === 412) return false;
        throw errors.of(error);
      }
    },

    async list({ prefix: Prefix, startAfter, limit: MaxKeys = 1000, signal }) {
      const after = startAfter === undefined ? {} : { StartAfter: startAfter };
      const command = new ListObjectsV2Command({ Bucket, Prefix, MaxKeys, ...after });
      const page = await client.send(command, sendOptions(signal)).catch(errors.throwOn);
      // S3 always says so; what else answers, a page for one, reads like an empty listing
      if (page.IsTruncated === undefined) throw noObjectStore(errors.place);
      const objects = (page.Contents ?? []).map(({ Key: key = "", Size: size = 0 }) => ({
        key,
        size,
      }));
      checkOrder(objects, startAfter);
      return { objects, more: page.IsTruncated };
    },

    async delete(names, { signal } = {}) {
      if (names.length === 0) return;
      const Objects = names.map((Key) => ({ Key }));
      const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } });
      const { Errors = [] } = await client.send(command, sendOptions(signal)).catch(errors.throwOn);
      const [failed] = Errors;
      if (failed)
        throw new RunlogError(
          "store-busy",
          `An object was not deleted by ${errors.place}: ${failed.Code}`,
        );
    },

    multipart(key, { signal, ...about } = {}) {
      const target = { bucket: Bucket, key, metadata: metadataOf(about) };
      return beginUpload({ client, errors }, target, sendOptions(signal));
    },

    abortUploads: (prefix, { signal } = {}) =>
      abortUploads({ client, errors }, Bucket, prefix, sendOptions(signal)),

    async make({ signal } = {}) {
      try {
        await client.send(new HeadBucketCommand({ Bucket }), sendOptions(signal));
        return;
      } catch (error) {
        if (statusOf(error) !== 404) throw errors.of(error);
      }
      const isOther = endpoint === undefined && (await client.config.region()) !== "us-east-1";
      const place = isOther ? await placeOf(client) : {};
      const command = new CreateBucketCommand({ Bucket, ...place });
      await client.send(command, sendOptions(signal)).catch((error: unknown) => {
        // somebody else was faster
        if (statusOf(error) !== 409) throw errors.of(error);
      });
    },

    close: () => client.destroy(),
  };
}

function openClient({ endpoint, region, credentials }: S3BucketOptions): S3Client {
  const { AWS_REGION } = process.env;
  return new S3Client({
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(region === undefined
      ? endpoint !== undefined && !AWS_REGION && { region: "us-east-1" }
      : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      // readers that are slow hold connections: what is put must not wait for them
      httpAgent: { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY },
      httpsAgent: { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY },
    },
  });
}

async function placeOf(
  client: S3Client,
): Promise<Pick<CreateBucketCommand["input"], "CreateBucketConfiguration">> {
  type Place = NonNullable<CreateBucketCommand["input"]["CreateBucketConfiguration"]>;
  const region = await client.config.region();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK lists the regions that it knows
  const place = { LocationConstraint: region } as Place;
  return { CreateBucketConfiguration: place };
}

/** A list in another order would be read as one that ends early. */
function checkOrder(objects: readonly ListedObject[], startAfter = ""): void {
  let before = startAfter;
  for (const { key } of objects) {
    if (key <= before)
      throw new RunlogError("store-failed", "The object store does not list keys in their order", {
        isUnfit: true,
      });
    before = key;
  }
}

function noObjectStore(place: string): RunlogError {
  const text = `What answers as ${place} does not list objects as S3 does: is its address right?`;
  return new RunlogError("store-failed", text);
}

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
