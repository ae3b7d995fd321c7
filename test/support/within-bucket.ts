import type { ObjectBucket } from "../../src/ports/object-bucket.ts";

/** Part of a bucket as one of its own: tests share a server and do not meet. */
export function within(bucket: ObjectBucket, prefix: string): ObjectBucket {
  const cut = prefix.length;
  return {
    get: (key, options) => bucket.get(prefix + key, options),
    head: (key, options) => bucket.head(prefix + key, options),
    put: (key, bytes, options) => bucket.put(prefix + key, bytes, options),
    putIfAbsent: (key, bytes, options) => bucket.putIfAbsent(prefix + key, bytes, options),
    async list(options) {
      const { startAfter } = options;
      const page = await bucket.list({
        ...options,
        prefix: prefix + options.prefix,
        ...(startAfter !== undefined && { startAfter: prefix + startAfter }),
      });
      const objects = page.objects.map(({ key, size }) => ({ key: key.slice(cut), size }));
      return { objects, more: page.more };
    },
    delete: (keys, options) =>
      bucket.delete(
        keys.map((key) => prefix + key),
        options,
      ),
    abortUploads: (start) => bucket.abortUploads(prefix + start),
    multipart: (key, options) => bucket.multipart(prefix + key, options),
  };
}
