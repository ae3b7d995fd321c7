import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { BackOff } from "../../src/stream/sync/back-off.ts";

/** What the feed needs of a connection of `@nats-io/nats-core`, whose `NatsConnection` is one. */
export interface NatsConnectionLike {
  publish(subject: string, payload: string): void;
  subscribe(
    subject: string,
    options: {
      readonly callback: (error: Error | null, message: { readonly data: Uint8Array }) => void;
    },
  ): { unsubscribe(): void };
  /** Resolves when the server has taken all that was sent before. */
  flush(): Promise<void>;
  /** What becomes of the connection, until it is closed. */
  status(): AsyncIterable<{ readonly type: string; readonly error?: Error }>;
  close(): Promise<void>;
}

/** Options of that library that the feed relies on. */
export interface NatsOptions {
  readonly name: string;
  /** What is published is not sent back. */
  readonly noEcho: true;
  /** Connections that were made once come back by themselves, for ever. */
  readonly maxReconnectAttempts: -1;
  /** Also when they were refused: credentials are replaced while servers run. */
  readonly ignoreAuthErrorAbort: true;
  readonly reconnectTimeWait: number;
  readonly reconnectJitter: number;
  readonly reconnectJitterTLS: number;
  readonly pingInterval: number;
  readonly maxPingOut: number;
  readonly timeout: number;
}

const OPTIONS: NatsOptions = {
  name: "runlog",
  noEcho: true,
  maxReconnectAttempts: -1,
  ignoreAuthErrorAbort: true,
  // with the jitter many replicas do not come back at one moment
  reconnectTimeWait: 500,
  reconnectJitter: 500,
  reconnectJitterTLS: 500,
  // a server that is silent for so long is left after some 15 s; the library's own default is minutes
  pingInterval: 5_000,
  maxPingOut: 2,
  timeout: 5_000,
};

/** Between attempts as long as there has been no connection. */
const AGAIN = { firstMs: 500, maxMs: 5_000, factor: 1.5, jitter: 0.5 } as const;

export interface KeepConnectedOptions {
  /** Connects once. Rejects where that fails; the next attempt is the caller's. */
  readonly connect: (options: NatsOptions) => Promise<NatsConnectionLike>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "info" | "warn">;
  /** Called when the connection is there: `isNew` unless it is one that was there before. */
  readonly onUp: (connection: NatsConnectionLike, isNew: boolean) => void;
  /** Called when it is away, once an outage. */
  readonly onDown: () => void;
  /** Called when the server refuses what was asked of it. */
  readonly onRefused: (error: Error) => void;
}

/**
 * Keeps one connection until `signal` aborts, which closes it, and tells once an outage that it is
 * away. Never rejects.
 */
export async function keepConnected(
  { connect, clock, logger, onUp, onDown, onRefused }: KeepConnectedOptions,
  signal: AbortSignal,
): Promise<void> {
  let awaySinceMs: number | null = null;

  function down(facts: { readonly error?: unknown }): void {
    if (awaySinceMs !== null || signal.aborted) return;
    awaySinceMs = clock.now();
    logger.warn("live-feed-away", facts);
    onDown();
  }

  function up(connection: NatsConnectionLike, isNew: boolean): void {
    if (awaySinceMs !== null) {
      logger.info("live-feed-back", { awayMs: Math.round(clock.now() - awaySinceMs) });
      awaySinceMs = null;
    }
    onUp(connection, isNew);
  }

  /** Resolves with a connection, or with null once aborted. */
  async function connected(): Promise<NatsConnectionLike | null> {
    const backOff = new BackOff(AGAIN);
    while (!signal.aborted) {
      try {
        return await connect(OPTIONS);
      } catch (error) {
        down({ error });
        await backOff.pause(clock, signal);
      }
    }
    return null;
  }

  /** Resolves when the connection has been closed. */
  async function follow(connection: NatsConnectionLike): Promise<void> {
    for await (const { type, error } of connection.status()) {
      if (type === "disconnect") down({});
      else if (type === "reconnect") up(connection, false);
      else if (type === "error" && error) onRefused(error);
    }
  }

  while (!signal.aborted) {
    const connection = await connected();
    if (connection === null) return;
    const close = (): void => void connection.close().catch(() => {});
    if (signal.aborted) {
      // a status that is asked for after the close never ends
      close();
      return;
    }
    signal.addEventListener("abort", close);
    up(connection, true);
    await follow(connection);
    signal.removeEventListener("abort", close);
    down({});
  }
}
