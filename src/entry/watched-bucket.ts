import { hasCode } from "../ports/errors.ts";
import type { MultipartUpload, ObjectBucket } from "../ports/object-bucket.ts";
import { createWaiting } from "./waiting.ts";

/**
 * `bucket`, with a report when it does not answer for long: neither one call nor, where its callers
 * try again, all calls since the last one that it answered.
 */
export function watchedBucket(bucket: ObjectBucket, onLong: (text: string) => void): ObjectBucket {
  const what = bucket.place ?? "the object store";
  const waiting = createWaiting(onLong);
  let calls = 0;
  let isWaiting = false;

  function begin(): void {
    if (!isWaiting) waiting.begin(what);
    isWaiting = true;
  }

  function answered(): void {
    waiting.end();
    isWaiting = false;
    if (calls > 0) begin();
  }

  async function during<T>(call: Promise<T>): Promise<T> {
    calls++;
    begin();
    try {
      const result = await call;
      calls--;
      answered();
      return result;
    } catch (error) {
      calls--;
      // it will be asked again, and has been silent since the first time
      if (!hasCode(error, "store-busy", "store-unanswered")) answered();
      throw error;
    }
  }

  function watchedUpload(upload: MultipartUpload): MultipartUpload {
    return {
      part: (bytes) => during(upload.part(bytes)),
      complete: () => during(upload.complete()),
      abort: () => during(upload.abort()),
    };
  }

  return {
    ...(bucket.place !== undefined && { place: bucket.place }),
    get: (key, options) => during(bucket.get(key, options)),
    head: (key, options) => during(bucket.head(key, options)),
    put: (key, bytes, options) => during(bucket.put(key, bytes, options)),
    putIfAbsent: (key, bytes, options) => during(bucket.putIfAbsent(key, bytes, options)),
    list: (options) => during(bucket.list(options)),
    delete: (keys, options) => during(bucket.delete(keys, options)),
    multipart: async (key, options) => watchedUpload(await during(bucket.multipart(key, options))),
    abortUploads: (prefix, options) => during(bucket.abortUploads(prefix, options)),
  };
}
