import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import { createNatsLiveFeed, type NatsConnectionLike } from "../../adapters/nats/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { createHttpRunnerClient } from "../../adapters/runner-http/index.ts";
import { createSessionService, type SessionService } from "../../src/core/service.ts";
import { createApp } from "../../src/http/app.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import type { CountedObjects } from "./counted-bucket.ts";
import type { ResumableRunner } from "../bench/resumable-runner.ts";
import type { SimulatedMachine, VirtualTime } from "./virtual-time.ts";

/** A whole server but for its sockets, on a machine in virtual time. */
export interface ScaleReplica {
  readonly machine: SimulatedMachine;
  readonly service: SessionService;
  /** Asks it, as a client would. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Messages and subscriptions of all replicas. */
export interface ScaleNats {
  /** Messages that were published, and that were brought to a subscriber. */
  readonly sent: number;
  readonly delivered: number;
  /** Subscriptions that there are now. */
  readonly subscriptions: number;
  connect(): Promise<NatsConnectionLike>;
}

const MIB = 1024 * 1024;
const PATH = "/api/projects/p/agentic-sessions";
/** No run here is silent because its runner is gone. */
const SILENCE_MS = 24 * 3_600_000;
const SILENT_LOGGER: Logger = { info() {}, warn() {}, error() {} };

export interface ScaleReplicaOptions {
  readonly time: VirtualTime;
  readonly objects: CountedObjects;
  readonly nats: ScaleNats;
  readonly runner: ResumableRunner;
  readonly number: number;
}

/** Starts one; virtual time has to pass meanwhile. */
export async function startScaleReplica(options: ScaleReplicaOptions): Promise<ScaleReplica> {
  const { nats, number, objects, runner, time } = options;
  const machine = time.machine(0);
  const { clock } = machine;
  const advertised = { url: `http://replica-${number}`, key: `key-${number}` };
  const store = createObjectLogStore({ bucket: objects.reachedBy(machine), clock, advertised });
  const service = await createSessionService({
    store,
    feed: createNatsLiveFeed({ connect: () => nats.connect(), clock, logger: SILENT_LOGGER }),
    directory: createLocalDirectory({ store, runnerUrl: "http://runner/{session}/" }),
    authorizer: createLocalAuthorizer(),
    platform: createLocalPlatform(),
    runner: createHttpRunnerClient({
      fetch: (url, init) => runner.fetch(url, init),
      clock,
      intakeBudget: createByteBudget(64 * MIB),
      silenceMs: SILENCE_MS,
    }),
    clock,
    logger: SILENT_LOGGER,
  });
  const app = createApp({ service, listenHost: null });
  return {
    machine,
    service,
    fetch: async (path, init) => app.fetch(new Request(`http://runlog${PATH}${path}`, init)),
  };
}

type Callback = Parameters<NatsConnectionLike["subscribe"]>[1]["callback"];

/** A NATS that brings each message at once. */
export function createScaleNats(): ScaleNats {
  const subscribers = new Map<string, Map<object, Callback>>();
  let sent = 0;
  let delivered = 0;
  return {
    get sent() {
      return sent;
    },
    get delivered() {
      return delivered;
    },
    get subscriptions() {
      return [...subscribers.values()].reduce((sum, { size }) => sum + size, 0);
    },
    async connect() {
      const self = {};
      return {
        publish(subject, payload) {
          sent++;
          const data = new TextEncoder().encode(payload);
          for (const [client, callback] of subscribers.get(subject) ?? []) {
            if (client === self) continue;
            delivered++;
            callback(null, { data });
          }
        },
        subscribe(subject, { callback }) {
          const all = subscribers.get(subject) ?? new Map<object, Callback>();
          subscribers.set(subject, all.set(self, callback));
          return { unsubscribe: () => void all.delete(self) };
        },
        async flush() {},
        async *status() {
          await new Promise<void>(() => {});
          yield { type: "never" };
        },
        async close() {},
      };
    },
  };
}
