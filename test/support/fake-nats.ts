import type { NatsConnectionLike, NatsOptions } from "../../adapters/nats/index.ts";

type Callback = Parameters<NatsConnectionLike["subscribe"]>[1]["callback"];
type Status = { readonly type: string; readonly error?: Error };

/** One connection as the library makes it: it comes back by itself, with its subscriptions. */
interface Client {
  readonly echo: boolean;
  readonly subscriptions: Map<string, Callback>;
  readonly statuses: Status[];
  wake: () => void;
  isClosed: boolean;
}

/** What NATS does for the feed, within this process, with everything that can go wrong by command. */
export interface FakeNats {
  readonly connect: (options: NatsOptions) => Promise<NatsConnectionLike>;
  /** Every message that the server took, as `<subject> <payload>`. */
  readonly taken: readonly string[];
  /** Subjects that anybody has subscribed to, each once. */
  readonly subjects: readonly string[];
  /** Sends a message from outside. */
  inject(subject: string, payload: string): void;
  /** Connections break and new ones are refused, until `start`. */
  stop(): void;
  start(): void;
  /** Closes the connections for good, as the library does when it gives up. */
  closeAll(): void;
  /** From now on the server takes nothing that is sent, until it is let go. */
  hold(): () => void;
  /** Refuses each subscription from now on. */
  refuseSubscriptions(): void;
}

export function createFakeNats(): FakeNats {
  const clients = new Set<Client>();
  const taken: string[] = [];
  let isUp = true;
  let isRefusing = false;
  let held: (() => void)[] | null = null;

  function tell(client: Client, status: Status): void {
    client.statuses.push(status);
    client.wake();
  }

  function deliver(from: Client | null, subject: string, payload: string): void {
    taken.push(`${subject} ${payload}`);
    const data = new TextEncoder().encode(payload);
    for (const client of clients)
      if (client !== from || client.echo) client.subscriptions.get(subject)?.(null, { data });
  }

  async function* statusesOf(client: Client): AsyncGenerator<Status> {
    for (;;) {
      const next = client.statuses.shift();
      if (next) yield next;
      else if (client.isClosed) return;
      else
        await new Promise<void>((resolve) => {
          client.wake = resolve;
        });
    }
  }

  function close(client: Client): void {
    client.isClosed = true;
    client.wake();
    clients.delete(client);
  }

  return {
    taken,
    get subjects() {
      return [...new Set(Array.from(clients, (one) => [...one.subscriptions.keys()]).flat())];
    },

    async connect({ noEcho }) {
      if (!isUp) throw new Error("connection refused");
      const client: Client = {
        echo: !noEcho,
        subscriptions: new Map(),
        statuses: [],
        wake() {},
        isClosed: false,
      };
      clients.add(client);
      return {
        publish(subject, payload) {
          if (client.isClosed) throw new Error("closed connection");
          if (!isUp) return;
          if (held) held.push(() => deliver(client, subject, payload));
          // as over a socket: it arrives in another turn, in order
          else queueMicrotask(() => deliver(client, subject, payload));
        },
        subscribe(subject, { callback }) {
          if (client.isClosed) throw new Error("closed connection");
          if (isRefusing) {
            queueMicrotask(() => callback(new Error("permission"), { data: new Uint8Array(0) }));
            return { unsubscribe() {} };
          }
          client.subscriptions.set(subject, callback);
          return { unsubscribe: () => void client.subscriptions.delete(subject) };
        },
        flush() {
          const waiting = held;
          return waiting
            ? new Promise<void>((resolve) => {
                waiting.push(resolve);
              })
            : Promise.resolve();
        },
        status: () => statusesOf(client),
        async close() {
          close(client);
        },
      };
    },

    inject: (subject, payload) => deliver(null, subject, payload),
    stop() {
      isUp = false;
      for (const client of clients) tell(client, { type: "disconnect" });
    },
    start() {
      isUp = true;
      for (const client of clients) tell(client, { type: "reconnect" });
    },
    closeAll() {
      for (const client of clients) close(client);
    },
    hold() {
      const waiting: (() => void)[] = [];
      held = waiting;
      return () => {
        held = null;
        for (const go of waiting) go();
      };
    },
    refuseSubscriptions() {
      isRefusing = true;
    },
  };
}
