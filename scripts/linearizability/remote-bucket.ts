import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket, ObjectFacts, ObjectPage } from "../../src/ports/object-bucket.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";
import { type BucketCall, CALL_HEADER, RESULT_HEADER } from "./bucket-server.ts";

/** The bucket of a `BucketServer`, at `url`. What got no answer is `store-unanswered`. */
export function createRemoteBucket(url: string): ObjectBucket {
  /** Resolves with the result as JSON, and the bytes. */
  async function call(
    what: BucketCall,
    { body, signal }: { body?: Uint8Array<ArrayBuffer>; signal?: AbortSignal | undefined } = {},
  ): Promise<{ readonly result: string; readonly bytes: Uint8Array<ArrayBuffer> }> {
    signal?.throwIfAborted();
    let response: Response;
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { [CALL_HEADER]: encodeURIComponent(JSON.stringify(what)) },
        ...(body && { body }),
        ...(signal && { signal }),
      });
      bytes = new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      signal?.throwIfAborted();
      throw new RunlogError("store-unanswered", "The bucket did not answer", { cause });
    }
    if (response.status !== 200) {
      const { code, message } = JSON.parse(new TextDecoder().decode(bytes));
      throw new RunlogError(code, message);
    }
    return { result: decodeURIComponent(response.headers.get(RESULT_HEADER) ?? "null"), bytes };
  }

  const put: ObjectBucket["put"] = async (key, bytes, { signal, ...options } = {}) => {
    await call({ name: "put", key, options }, { body: new Uint8Array(bytes), signal });
  };

  return {
    async get(key, { signal, ...options } = {}) {
      const { result, bytes } = await call({ name: "get", key, options }, { signal });
      const facts: ObjectFacts | null = JSON.parse(result);
      return facts && { ...facts, bytes: new Blob([bytes]).stream() };
    },
    async head(key, { signal } = {}) {
      const { result } = await call({ name: "head", key }, { signal });
      const facts: ObjectFacts | null = JSON.parse(result);
      return facts;
    },
    put,
    async putIfAbsent(key, bytes, { signal, ...options } = {}) {
      const given = { body: new Uint8Array(bytes), signal };
      const { result } = await call({ name: "putIfAbsent", key, options }, given);
      return result === "true";
    },
    async list({ signal, ...options }) {
      const { result } = await call({ name: "list", options: { ...options } }, { signal });
      const page: ObjectPage = JSON.parse(result);
      return page;
    },
    async delete(keys, { signal } = {}) {
      await call({ name: "delete", keys }, { signal });
    },
    async multipart(key, options) {
      const parts: Uint8Array[] = [];
      return {
        async part(bytes) {
          parts.push(bytes.slice());
        },
        complete: () => put(key, concatBytes(parts), options),
        async abort() {},
      };
    },
    async abortUploads() {},
  };
}
