import { Miniflare } from "miniflare";
import { createS3Bucket, type S3Bucket } from "../../adapters/s3/index.ts";

/** An S3 server on loopback with some empty buckets. */
export interface S3Server {
  /** What goes into `AWS_ENDPOINT_URL_S3`. */
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** A client of a bucket. */
  bucket(name?: string): S3Bucket;
  close(): Promise<void>;
}

const CREDENTIALS = { accessKeyId: "testkey".repeat(3), secretAccessKey: "secret".repeat(7) };
const S3_PATH = "/cdn-cgi/local/r2/s3";

/** The bucket that every server has. */
export const BUCKET = "runlog";

/**
 * An S3 server for tests: `S3_TEST_ENDPOINT` with `S3_TEST_ACCESS_KEY` and `S3_TEST_SECRET_KEY`, which
 * `npm run test:s3` sets, or else miniflare's S3 endpoint over its R2 buckets, in memory.
 */
export async function startS3Server(): Promise<S3Server> {
  const { S3_TEST_ENDPOINT: endpoint } = process.env;
  if (endpoint !== undefined) return realServer(endpoint);
  const miniflare = new Miniflare({
    modules: true,
    script: "export default {}",
    host: "127.0.0.1",
    port: 0,
    r2Buckets: { BUCKET: { id: BUCKET, s3Credentials: CREDENTIALS } },
  });
  const url = await miniflare.ready;
  return serverAt(new URL(S3_PATH, url).href, CREDENTIALS, () => miniflare.dispose());
}

async function realServer(endpoint: string): Promise<S3Server> {
  const credentials = {
    accessKeyId: process.env["S3_TEST_ACCESS_KEY"] ?? "",
    secretAccessKey: process.env["S3_TEST_SECRET_KEY"] ?? "",
  };
  const server = serverAt(endpoint, credentials, async () => {});
  await server.bucket().make();
  return server;
}

function serverAt(
  endpoint: string,
  credentials: S3Server["credentials"],
  close: () => Promise<void>,
): S3Server {
  const clients: S3Bucket[] = [];
  return {
    endpoint,
    credentials,
    bucket(name = BUCKET) {
      const client = createS3Bucket({ bucket: name, endpoint, credentials });
      clients.push(client);
      return client;
    },
    async close() {
      for (const client of clients) client.close();
      await close();
    },
  };
}
