import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket, ObjectFacts, PutOptions } from "../../src/ports/object-bucket.ts";

interface R2ObjectLike {
  readonly key: string;
  readonly size: number;
  readonly customMetadata?: Record<string, string>;
}

interface R2PutOptionsLike {
  readonly customMetadata: Record<string, string>;
  readonly onlyIf?: { readonly etagDoesNotMatch: string };
}

interface R2PartLike {
  readonly partNumber: number;
  readonly etag: string;
}

/** The part of a Worker's R2 binding that is used: a real one has it. */
export interface R2BucketLike {
  head(key: string): Promise<R2ObjectLike | null>;
  get(
    key: string,
    options?: { readonly range?: { readonly offset: number; readonly length?: number } },
  ): Promise<(R2ObjectLike & { readonly body: ReadableStream<Uint8Array> }) | null>;
  put(key: string, value: Uint8Array, options: R2PutOptionsLike): Promise<R2ObjectLike | null>;
  list(options: {
    readonly prefix: string;
    readonly startAfter?: string;
    readonly limit?: number;
  }): Promise<{ readonly objects: readonly R2ObjectLike[]; readonly truncated: boolean }>;
  delete(keys: string[]): Promise<void>;
  createMultipartUpload(
    key: string,
    options: { readonly customMetadata: Record<string, string> },
  ): Promise<{
    uploadPart(partNumber: number, value: Uint8Array): Promise<R2PartLike>;
    complete(parts: R2PartLike[]): Promise<unknown>;
    abort(): Promise<void>;
  }>;
}

/**
 * An ObjectBucket over a Worker's R2 binding. It makes the objects that its
 * caller puts and nothing else. A binding takes no signals: an aborted call goes on unseen.
 *
 * @example
 * ```ts
 * import { createR2Bucket, type R2BucketLike } from "runlog/r2";
 *
 * export const bucketOf = ({ BUCKET }: { BUCKET: R2BucketLike }) => createR2Bucket(BUCKET);
 * ```
 */
export function createR2Bucket(bucket: R2BucketLike): ObjectBucket {
  return {
    async get(key, { start = 0, end, signal } = {}) {
      signal?.throwIfAborted();
      const length = end === undefined ? {} : { length: end - start };
      const isWhole = start === 0 && end === undefined;
      const options = isWhole ? {} : { range: { offset: start, ...length } };
      const found = await bucket.get(key, options).catch(throwR2Error);
      return found && { ...factsOf(found), bytes: translated(found.body) };
    },

    async head(key, { signal } = {}) {
      signal?.throwIfAborted();
      const found = await bucket.head(key).catch(throwR2Error);
      return found && factsOf(found);
    },

    async put(key, bytes, { signal, ...about } = {}) {
      signal?.throwIfAborted();
      await bucket.put(key, bytes, { customMetadata: metadataOf(about) }).catch(throwR2Error);
    },

    async putIfAbsent(key, bytes, { signal, ...about } = {}) {
      signal?.throwIfAborted();
      const options = { customMetadata: metadataOf(about), onlyIf: { etagDoesNotMatch: "*" } };
      return (await bucket.put(key, bytes, options).catch(throwR2Error)) !== null;
    },

    async list({ prefix, startAfter, limit = 1000, signal }) {
      signal?.throwIfAborted();
      const after = startAfter === undefined ? {} : { startAfter };
      const page = await bucket.list({ prefix, limit, ...after }).catch(throwR2Error);
      const objects = page.objects.map(({ key, size }) => ({ key, size }));
      return { objects, more: page.truncated };
    },

    async delete(keys, { signal } = {}) {
      signal?.throwIfAborted();
      if (keys.length > 0) await bucket.delete([...keys]).catch(throwR2Error);
    },

    // a binding names no uploads; R2 throws away those that are seven days old
    async abortUploads() {},

    async multipart(key, about = {}) {
      const options = { customMetadata: metadataOf(about) };
      const upload = await bucket.createMultipartUpload(key, options).catch(throwR2Error);
      const parts: R2PartLike[] = [];
      return {
        async part(bytes) {
          parts.push(await upload.uploadPart(parts.length + 1, bytes).catch(throwR2Error));
        },
        async complete() {
          await upload.complete(parts).catch(throwR2Error);
        },
        abort: () => upload.abort().catch(throwR2Error),
      };
    },
  };
}

function factsOf({ size, customMetadata }: R2ObjectLike): ObjectFacts {
  const { tag = "", notes } = customMetadata ?? {};
  return { size, tag, ...(notes && { notes }) };
}

function metadataOf({ tag = "", notes }: PutOptions): Record<string, string> {
  return { tag, ...(notes && { notes }) };
}

/** The code that R2 puts at the end of its texts: `… (10037)`. */
const CODE = /\((\d+)\)$/;
/** TooManyRequests, ServiceUnavailable. */
const BUSY: ReadonlySet<string> = new Set(["10058", "10043"]);
/** What cannot become right by itself: rights, names, sizes, ranges, parts. */
const REFUSED: ReadonlySet<string> = new Set(
  ["10002", "10003", "10006", "10010", "10011", "10012", "10020", "10022", "10024", "10025"].concat(
    ["10029", "10037", "10039", "10042", "10048"],
  ),
);

function throwR2Error(cause: unknown): never {
  if (cause instanceof RunlogError) throw cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = CODE.exec(text)?.[1] ?? "";
  if (BUSY.has(code)) throw new RunlogError("store-busy", "The object store is busy", { cause });
  if (REFUSED.has(code))
    throw new RunlogError("store-failed", `The object store refuses: ${code}`, { cause });
  throw new RunlogError("store-unanswered", "The object store does not answer", { cause });
}

/** The same bytes; however they break off, they may come whole the next time. */
function translated(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch(throwR2Error);
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
