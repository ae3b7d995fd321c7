import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type FaultProxy,
  startFaultProxy,
  type WireFault,
} from "../../test/support/fault-proxy.ts";
import { BUCKET, startS3Server } from "../../test/support/s3-server.ts";
import type { Random } from "../bench/random.ts";
import { startBucketServer } from "./bucket-server.ts";
import type { ObjectsSettings } from "./objects-server.ts";
import { type Replica, startReplica } from "./replicas.ts";

/**
 * `s3`: servers of `npm start` on an S3 server; `objects`: on a bucket in memory, with short leases;
 * `disk`: one server and its directory.
 */
export type StoreKind = "objects" | "s3" | "disk";

export const STORE_KINDS: readonly StoreKind[] = ["objects", "s3", "disk"];

/** Replicas over one store, and the ways in which the store fails. */
export interface Cluster {
  readonly replicas: readonly Replica[];
  /** How long in ms a silent replica keeps its sessions. */
  readonly leaseMs: number;
  /** Cuts a replica off from the store, or connects it again; null where the store is no other process. */
  readonly cutOff: ((replica: number, isCut: boolean) => void) | null;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly store: StoreKind;
  readonly replicas: number;
  readonly random: Random;
  readonly runnerPort: number;
  readonly runQueue: number;
  /** Of a thousand calls of the store so many fail. */
  readonly faults: number;
}

/** What a store is to its replicas. */
interface Store {
  readonly leaseMs: number;
  readonly cutOff: Cluster["cutOff"];
  /** How the replica with this number is started. */
  start(number: number): Promise<Replica>;
  close(): Promise<void>;
}

const SHORT_LEASE_MS = 4_000;
const LEASE_MS = 15_000;
const WIRE_FAULTS: readonly WireFault[] = ["503", "reset-before", "reset-after"];

export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const store = await openStore(options);
  const replicas: Replica[] = [];
  const { leaseMs, cutOff } = store;
  const close = async (): Promise<void> => {
    await Promise.all(replicas.map((replica) => replica.kill()));
    await store.close();
  };
  try {
    for (let number = 0; number < options.replicas; number++)
      replicas.push(await store.start(number));
  } catch (error) {
    await close();
    throw error;
  }
  return { replicas, leaseMs, cutOff, close };
}

function openStore(options: ClusterOptions): Promise<Store> {
  return { disk: openDirectory, objects: openObjects, s3: openS3 }[options.store](options);
}

async function openDirectory(options: ClusterOptions): Promise<Store> {
  const dir = await mkdtemp(join(tmpdir(), "runlog-linearizability-"));
  return {
    leaseMs: 0,
    cutOff: null,
    start: (number) =>
      startReplica(String(number), {
        dataDir: dir,
        runnerPort: options.runnerPort,
        env: sharedSettings(options),
      }),
    close: () => rm(dir, { recursive: true, force: true }),
  };
}

async function openObjects(options: ClusterOptions): Promise<Store> {
  const cut = new Set<string>();
  const bucket = await startBucketServer((client) => cut.has(client));
  const { random, faults } = options;
  const settings = (number: number): ObjectsSettings => {
    const url = `${bucket.origin}/${number}`;
    return { url, leaseMs: SHORT_LEASE_MS, faults, seed: random.integer(2 ** 31) };
  };
  return {
    leaseMs: SHORT_LEASE_MS,
    cutOff: (number, isCut) => void (isCut ? cut.add(String(number)) : cut.delete(String(number))),
    start: (number) =>
      startReplica(String(number), {
        dataDir: "",
        runnerPort: options.runnerPort,
        script: new URL("objects-server.ts", import.meta.url),
        env: {
          ...sharedSettings(options),
          STORAGE_URL: "memory:",
          LINEARIZABILITY_OBJECTS: JSON.stringify(settings(number)),
        },
      }),
    async close() {
      bucket.close();
    },
  };
}

async function openS3(options: ClusterOptions): Promise<Store> {
  const s3 = await startS3Server();
  const { pathname, origin } = new URL(s3.endpoint);
  const proxies: FaultProxy[] = [];
  const cut = new Set<number>();
  const { random, faults } = options;
  const prefix = `linear-${random.integer(2 ** 31)}`;

  async function start(number: number): Promise<Replica> {
    const proxy = await startFaultProxy(origin, ({ method }) => {
      if (cut.has(number)) return "reset-before";
      if (random.integer(1_000) >= faults) return "none";
      return method === "GET" && random.integer(4) === 0 ? "truncate" : random.pick(WIRE_FAULTS);
    });
    proxies.push(proxy);
    return startReplica(String(number), {
      dataDir: "",
      runnerPort: options.runnerPort,
      env: {
        ...sharedSettings(options),
        STORAGE_URL: `s3://${BUCKET}/${prefix}`,
        AWS_ENDPOINT_URL_S3: `${proxy.origin}${pathname}`,
        AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
        AWS_REGION: "us-east-1",
      },
    });
  }

  return {
    leaseMs: LEASE_MS,
    cutOff: (number, isCut) => void (isCut ? cut.add(number) : cut.delete(number)),
    start,
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await s3.close();
    },
  };
}

function sharedSettings({ runQueue }: ClusterOptions): Record<string, string> {
  return { RUNLOG_RUN_QUEUE: String(runQueue), RUNLOG_DRAIN: "200ms" };
}
