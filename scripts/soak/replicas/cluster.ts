import { setTimeout as sleep } from "node:timers/promises";
import { BUCKET, startS3Server } from "../../../test/support/s3-server.ts";
import { freePort } from "../../bench/loopback.ts";
import { createMemoryGroup, type MemoryGroup } from "../../load/memory-group.ts";
import { createNatsServer } from "../../nats/nats-server.ts";
import { keepServer, type KeptServer } from "../kept-server.ts";
import { startNginx } from "./nginx.ts";

/** Servers on one bucket, that tell each other by NATS what has grown, behind nginx. */
export interface Cluster {
  /** Where nginx listens. */
  readonly port: number;
  readonly replicas: readonly Replica[];
  close(): Promise<void>;
}

interface Replica {
  readonly port: number;
  readonly server: KeptServer;
  /** Null where the machine has no memory groups. */
  readonly group: MemoryGroup | null;
}

export interface ClusterOptions {
  readonly replicas: number;
  readonly runnerPort: number;
  /** Of memory, for each replica. */
  readonly limitBytes: number;
}

/** How long a stop waits for runs that nobody can take up. */
const DRAIN = "10s";
/** A start asks the bucket for all that was left, and whoever is ended in it leaves more. */
const START_MS = 120_000;
const GONE_MS = 100;

/** Starts it, on the S3 server that `startS3Server` gives. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const closing: (() => unknown)[] = [];
  async function close(): Promise<void> {
    for (const one of closing.splice(0).toReversed()) await one();
  }
  try {
    const s3 = await startS3Server();
    closing.push(() => s3.close());
    const nats = await createNatsServer();
    closing.push(() => nats.close());
    await nats.start();
    const env = {
      STORAGE_URL: `s3://${BUCKET}/soak-${crypto.randomUUID()}`,
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
      AWS_REGION: "us-east-1",
      RUNLOG_NATS_URL: nats.url,
      RUNLOG_DRAIN: DRAIN,
    };
    const replicas: Replica[] = [];
    for (let number = 0; number < options.replicas; number += 1) {
      const port = await freePort();
      const group = await createMemoryGroup(options.limitBytes, `-${number}`);
      closing.push(() => removeGroup(group));
      const server = await keepServer({
        dataDir: "",
        port,
        runnerPort: options.runnerPort,
        group,
        startTimeoutMs: START_MS,
        env: { ...env, RUNLOG_ADVERTISE_URL: `http://127.0.0.1:${port}` },
      });
      closing.push(() => server.stop());
      replicas.push({ port, server, group });
    }
    const nginx = await startNginx(replicas.map(({ port }) => port));
    closing.push(() => nginx.close());
    return { port: nginx.port, replicas, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function removeGroup(group: MemoryGroup | null): Promise<void> {
  // the kernel lets go of a process a moment after its end
  await sleep(GONE_MS);
  group?.remove();
}
