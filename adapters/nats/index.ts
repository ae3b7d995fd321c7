import type { Clock } from "../../src/ports/clock.ts";
import type { LiveFeed, LogGrowth } from "../../src/ports/live-feed.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { createKeyedListeners } from "../../src/stream/sync/keyed-listeners.ts";
import { settledWithin } from "../../src/stream/sync/pause.ts";
import { keepConnected, type NatsConnectionLike, type NatsOptions } from "./connection.ts";
import { decodePosition, encodePosition, subjectOf } from "./message.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createPacedPositions } from "./paced-positions.ts";
import { createWatchedSessions } from "./watched-sessions.ts";

export type { NatsConnectionLike, NatsOptions };

export interface NatsLiveFeedOptions {
  /**
   * Connects once, with these options and those that say where and as whom; rejects where that fails.
   * It is called again until it succeeds.
   */
  readonly connect: (options: NatsOptions) => Promise<NatsConnectionLike>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "info" | "warn">;
  /** Begins all subjects; processes that share a store share it. Default `runlog`. */
  readonly prefix?: string;
}

/** What has happened since the feed was made. */
export interface NatsLiveFeedCounts {
  /** How often NATS was away, the start included. */
  readonly outages: number;
  readonly sent: number;
  readonly received: number;
  /** Messages that are no position, which are ignored. */
  readonly malformed: number;
  /** Positions that were forgotten unsent: more sessions had grown while NATS was away than are kept. */
  readonly dropped: number;
}

export interface NatsLiveFeed extends LiveFeed {
  readonly counts: NatsLiveFeedCounts;
  /** Sends what waits, within 2 s, and closes the connection. */
  close(): Promise<void>;
}

/** A connection that is there. */
interface Link {
  readonly connection: NatsConnectionLike;
  readonly outbox: Outbox;
  /** Whether the server has refused something, such as a subscription. */
  isRefused: boolean;
}

const CLOSE_MS = 2_000;

/**
 * A LiveFeed between processes over core NATS. It carries positions, `<logId> <end>`, on one subject a
 * session, which it subscribes to while somebody here watches. Listeners of the own process are called
 * by `publish` itself.
 *
 * NATS may be away, at the start as well: it is tried for ever, told once an outage, and never an error.
 * Meanwhile the last position of each session is kept and goes out when NATS is back. What is lost is
 * found by the readers' own look at the store.
 *
 * Reading order: `message` (what is sent), `paced-positions` (when), `outbox` (how much),
 * `watched-sessions` (who is listened to), `connection` (whether NATS is there).
 *
 * @example
 * ```ts
 * import { connect } from "@nats-io/transport-node";
 * import type { Clock, Logger } from "runlog";
 * import { createNatsLiveFeed, type NatsLiveFeed } from "runlog/nats";
 *
 * export function feedOf(clock: Clock, logger: Logger): NatsLiveFeed {
 *   const servers = ["nats://127.0.0.1:4222"];
 *   return createNatsLiveFeed({
 *     connect: (options) => connect({ ...options, servers }),
 *     clock,
 *     logger,
 *   });
 * }
 * ```
 */
export function createNatsLiveFeed(options: NatsLiveFeedOptions): NatsLiveFeed {
  const { connect, clock, logger, prefix = "runlog" } = options;
  const fromHere = createKeyedListeners<LogGrowth>();
  const fromOthers = createKeyedListeners<LogGrowth>();
  const counts = { outages: 0, sent: 0, received: 0, malformed: 0, dropped: 0 };
  const ending = new AbortController();
  let isClosing = false;
  let link: Link | null = null;

  const paced = createPacedPositions({ clock, send, onDropped: () => counts.dropped++ });
  const sessions = createWatchedSessions({ prefix, onMessage: hear, onRefused: refuse });
  const connecting = keepConnected(
    { connect, clock, logger, onUp, onDown, onRefused: refuse },
    ending.signal,
  );

  function send(growth: LogGrowth): boolean {
    const isSent = link?.outbox.send(subjectOf(prefix, growth), encodePosition(growth)) ?? false;
    if (isSent) counts.sent++;
    return isSent;
  }

  function hear(key: SessionKey, data: Uint8Array): void {
    const growth = decodePosition(key, data);
    if (growth) {
      counts.received++;
      fromOthers.call(idOf(key), growth);
      return;
    }
    counts.malformed++;
    if (counts.malformed === 1)
      logger.warn("live-feed-malformed", { subject: subjectOf(prefix, key), bytes: data.length });
  }

  function refuse(error: Error): void {
    if (link === null || link.isRefused) return;
    link.isRefused = true;
    logger.warn("live-feed-refused", { error });
  }

  function onUp(connection: NatsConnectionLike, isNew: boolean): void {
    const outbox = createOutbox(connection, () => {
      if (link?.outbox === outbox) paced.resume();
    });
    link = { connection, outbox, isRefused: false };
    // the library repeats the subscriptions of a connection that comes back
    if (isNew) sessions.connect(connection);
    paced.resume();
  }

  function onDown(): void {
    counts.outages++;
    link = null;
  }

  return {
    counts,
    get hearsOthers() {
      return link !== null && !link.isRefused;
    },

    publish(growth) {
      fromHere.call(idOf(growth), growth);
      if (!isClosing) paced.push(growth);
    },

    subscribe(key, listener, { from = "anywhere" } = {}) {
      const stops = [fromHere.add(idOf(key), listener)];
      if (from === "anywhere") stops.push(fromOthers.add(idOf(key), listener), sessions.watch(key));
      return () => {
        for (const stop of stops) stop();
      };
    },

    async close() {
      if (isClosing) return;
      isClosing = true;
      paced.close();
      const last = link?.connection;
      if (last)
        await settledWithin(
          CLOSE_MS,
          clock,
          last.flush().catch(() => {}),
        );
      ending.abort();
      link = null;
      await settledWithin(CLOSE_MS, clock, connecting);
    },
  };
}
