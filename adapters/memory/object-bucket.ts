import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket, ObjectFacts, PutOptions } from "../../src/ports/object-bucket.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";

interface MemoryObject extends ObjectFacts {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Parts that are not an object yet. */
interface MemoryUpload {
  readonly key: string;
}

const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_PAGE = 1000;

/**
 * An ObjectBucket in memory, the reference model of the port: every operation takes effect in one
 * step, at its call.
 *
 * @example
 * ```ts
 * import { createMemoryObjectBucket } from "runlog/memory";
 *
 * const bucket = createMemoryObjectBucket();
 * const isFirst = await bucket.putIfAbsent("lock", new Uint8Array(1));
 * ```
 */
export function createMemoryObjectBucket(): ObjectBucket {
  const objects = new Map<string, MemoryObject>();
  const uploads = new Set<MemoryUpload>();

  function set(key: string, pieces: readonly Uint8Array[], options: PutOptions): void {
    const bytes = new Uint8Array(concatBytes(pieces));
    const { tag = "", notes } = options;
    objects.set(key, { bytes, size: bytes.length, tag, ...(notes && { notes }) });
  }

  return {
    async get(key, { start = 0, end, signal } = {}) {
      signal?.throwIfAborted();
      const object = objects.get(key);
      if (object === undefined) return null;
      if (start > 0 && start >= object.size)
        throw new RunlogError("store-failed", "The range begins behind the object");
      return { ...factsOf(object), bytes: streamOf(object.bytes.slice(start, end)) };
    },

    async head(key, { signal } = {}) {
      signal?.throwIfAborted();
      const object = objects.get(key);
      return object === undefined ? null : factsOf(object);
    },

    async put(key, bytes, options = {}) {
      options.signal?.throwIfAborted();
      set(key, [bytes], options);
    },

    async putIfAbsent(key, bytes, options = {}) {
      options.signal?.throwIfAborted();
      if (objects.has(key)) return false;
      set(key, [bytes], options);
      return true;
    },

    async list({ prefix, startAfter = "", limit = MAX_PAGE, signal }) {
      signal?.throwIfAborted();
      const found = [...objects.entries()]
        .filter(([key]) => key.startsWith(prefix) && key > startAfter)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, { size }]) => ({ key, size }));
      return { objects: found.slice(0, limit), more: found.length > limit };
    },

    async delete(keys, { signal } = {}) {
      signal?.throwIfAborted();
      for (const key of keys) objects.delete(key);
    },

    async abortUploads(prefix) {
      for (const upload of uploads) if (upload.key.startsWith(prefix)) uploads.delete(upload);
    },

    async multipart(key, options = {}) {
      const parts: Uint8Array[] = [];
      const upload: MemoryUpload = { key };
      uploads.add(upload);
      const assertOpen = (): void => {
        if (!uploads.has(upload)) throw new RunlogError("store-failed", "There is no such upload");
      };
      return {
        async part(bytes) {
          assertOpen();
          const last = parts.at(-1);
          if (last !== undefined && last.length < MIN_PART_BYTES)
            throw new RunlogError("store-failed", "A part but the last is under 5 MiB");
          parts.push(bytes.slice());
        },
        async complete() {
          assertOpen();
          uploads.delete(upload);
          set(key, parts, options);
        },
        async abort() {
          uploads.delete(upload);
          parts.length = 0;
        },
      };
    },
  };
}

function factsOf({ size, tag, notes }: MemoryObject): ObjectFacts {
  return { size, tag, ...(notes && { notes }) };
}

/** The bytes in two chunks, so that readers meet a chunk's end. */
function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  const middle = bytes.length >> 1;
  const chunks = [bytes.subarray(0, middle), bytes.subarray(middle)].filter(
    (chunk) => chunk.length > 0,
  );
  return new ReadableStream(
    {
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
}
