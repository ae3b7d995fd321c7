import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { listenOnLoopback } from "../bench/loopback.ts";

/** A bucket in memory that several processes share, and that outlives them. */
export interface BucketServer {
  readonly origin: string;
  close(): void;
}

/** What of a bucket goes over the wire: the call in a header, as JSON, its bytes in the body. */
export interface BucketCall {
  readonly name: "get" | "head" | "put" | "putIfAbsent" | "list" | "delete";
  readonly key?: string;
  readonly keys?: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
}

export const CALL_HEADER = "x-bucket-call";
export const RESULT_HEADER = "x-bucket-result";

/** `isCut` says whether a client, named by the first part of its paths, cannot reach the bucket now. */
export async function startBucketServer(isCut: (client: string) => boolean): Promise<BucketServer> {
  const bucket = createMemoryObjectBucket();
  const server = createServer((request, response) => {
    const [, client = ""] = (request.url ?? "").split("/");
    if (isCut(client)) request.socket.resetAndDestroy();
    // a client that was killed has no answer to get
    else answer(bucket, request, response).catch(() => response.destroy());
  });
  const port = await listenOnLoopback(server);
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(bucket: ObjectBucket, request: IncomingMessage, response: ServerResponse) {
  const body = new Uint8Array(await buffer(request));
  const call: BucketCall = JSON.parse(decodeURIComponent(String(request.headers[CALL_HEADER])));
  try {
    const { result, bytes } = await make(bucket, call, body);
    response.setHeader(RESULT_HEADER, encodeURIComponent(JSON.stringify(result)));
    response.writeHead(200).end(bytes);
  } catch (error) {
    if (!(error instanceof RunlogError)) throw error;
    response.writeHead(500).end(JSON.stringify({ code: error.code, message: error.message }));
  }
}

async function make(bucket: ObjectBucket, call: BucketCall, body: Uint8Array) {
  const { name, key = "", keys = [], options = {} } = call;
  const none = new Uint8Array(0);
  switch (name) {
    case "get": {
      const found = await bucket.get(key, options);
      if (found === null) return { result: null, bytes: none };
      const { bytes, ...facts } = found;
      return { result: facts, bytes: new Uint8Array(await new Response(bytes).arrayBuffer()) };
    }
    case "head":
      return { result: await bucket.head(key), bytes: none };
    case "put":
      await bucket.put(key, body, options);
      return { result: null, bytes: none };
    case "putIfAbsent":
      return { result: await bucket.putIfAbsent(key, body, options), bytes: none };
    case "list":
      return { result: await bucket.list({ prefix: "", ...options }), bytes: none };
    default:
      await bucket.delete(keys);
      return { result: null, bytes: none };
  }
}
