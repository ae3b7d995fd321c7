import { freePort } from "../../scripts/bench/loopback.ts";
import type { SessionClient } from "../contract/session-routes/harness.ts";
import type { FakeRunner } from "./fake-runner.ts";
import { BUCKET, type S3Server } from "./s3-server.ts";
import { type ServerProcess, sessionOf, startServer } from "./server-process.ts";

/** Servers that share a bucket and reach each other. */
export interface Replicas {
  readonly servers: readonly ServerProcess[];
  /** A session, by the server of this number; they go round. */
  readonly session: (at: number, name?: string) => SessionClient;
  /** The environment of one more. */
  readonly env: () => Promise<Record<string, string>>;
}

/** Starts `count` servers in processes of their own. They end with the test. */
export async function startReplicas(
  s3: S3Server,
  runner: Pick<FakeRunner, "address">,
  count: number,
  envOf: (at: number) => Readonly<Record<string, string>> = () => ({}),
): Promise<Replicas> {
  const prefix = crypto.randomUUID();
  const env = async (): Promise<Record<string, string>> => {
    const port = await freePort();
    return {
      STORAGE_URL: `s3://${BUCKET}/${prefix}`,
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      RUNNER_URL: runner.address,
      PORT: String(port),
      RUNLOG_ADVERTISE_URL: `http://127.0.0.1:${port}`,
    };
  };
  const servers = await Promise.all(
    Array.from({ length: count }, async (_, at) =>
      startServer({ env: { ...(await env()), ...envOf(at) } }),
    ),
  );
  const fake: FakeRunner = { ...runner } as FakeRunner;
  return {
    servers,
    env,
    session: (at, name = "s1") => {
      const server = servers[at % servers.length];
      if (!server) throw new Error("There is no server");
      return sessionOf(server, fake, name);
    },
  };
}
