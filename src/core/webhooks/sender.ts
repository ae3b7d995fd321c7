import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { onceEach } from "../../stream/sync/once-each.ts";
import { settledWithin } from "../../stream/sync/pause.ts";
import { AddressHealth } from "./address-health.ts";
import type { Address } from "./addresses.ts";
import { deliver, type DeliverOptions } from "./deliver.ts";
import type { EntryName, Outbox, OutboxEntry } from "./outbox.ts";
import { type WaitingNotice, WaitingNotices } from "./waiting-notices.ts";

export interface SenderOptions extends DeliverOptions {
  readonly outbox: Outbox;
  readonly addresses: readonly Address[];
  readonly store: Pick<LogStore, "acquire" | "changes" | "owns">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Who has this session sends, of all processes that share the store. It has no log, and no other can be of its name:
 * that of a project has no capitals.
 */
const SENDER: SessionKey = { project: "Webhooks", session: "sender" };

const TICK_MS = 1_000;
/** How often it is asked who sends, and, where others put entries as well, which there are. */
const LOOK_MS = 5_000;
/** How long a notice is tried, in ms. */
const GIVE_UP_MS = 24 * 3_600_000;
/** How long an entry is left alone whose address is not configured here, in ms. */
const LEAVE_MS = 3_600_000;
/** How long a close waits for attempts that are under way, in ms. */
const CLOSE_MS = 2_000;
/** So many entries that are none are remembered, so that each is logged once. */
const MAX_ODD = 1_000;

/** Sends what is in the outbox, while this process is the one of those that share it. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #waiting = new WaitingNotices();
  readonly #health: AddressHealth;
  readonly #attempts = new Set<Promise<void>>();
  readonly #noteOdd: (id: string) => void;
  readonly #abort = new AbortController();
  readonly #stopTicking: () => void;
  #isStopped = false;
  #isListed = false;
  #looking: Promise<void> | null = null;
  #nextLookMs = 0;

  constructor(options: SenderOptions) {
    const { clock, logger } = options;
    this.#options = options;
    this.#health = new AddressHealth(clock, logger);
    this.#noteOdd = onceEach(MAX_ODD, (id) => logger.warn("webhook-entry-passed-over", { id }));
    this.#stopTicking = clock.every(TICK_MS, () => this.#tick());
    this.#tick();
  }

  /** Whether the outbox takes no more. */
  get isFull(): boolean {
    return this.#waiting.isFull;
  }

  /** Whether an address has asked to be sent nothing any more. */
  isGone(address: Address): boolean {
    return this.#health.isGone(address);
  }

  /** An entry was put: it is sent soon. */
  add(name: EntryName): void {
    this.#waiting.add(name);
    this.#pump();
  }

  /** Begins no attempt any more. */
  stop(): void {
    this.#isStopped = true;
    this.#stopTicking();
  }

  /**
   * Stops. Resolves when no attempt is under way; one that takes too long is aborted, and repeated by the next
   * process.
   */
  async close(): Promise<void> {
    this.stop();
    const attempts = Promise.allSettled(this.#attempts);
    await settledWithin(CLOSE_MS, this.#options.clock, attempts);
    this.#abort.abort();
    await attempts;
    await this.#looking;
  }

  #tick(): void {
    const { clock } = this.#options;
    if (this.#looking === null && clock.now() >= this.#nextLookMs) {
      this.#nextLookMs = clock.now() + LOOK_MS;
      this.#looking = this.#look().finally(() => {
        this.#looking = null;
        this.#pump();
      });
    }
    this.#waiting.wake(clock.now());
    this.#pump();
  }

  /** Learns who sends and what there is; more than once only where other processes put entries too. */
  async #look(): Promise<void> {
    const { logger, outbox, store } = this.#options;
    try {
      if (!store.owns(SENDER)) await store.acquire(SENDER);
      if (this.#isListed && store.changes !== null) return;
      const before = this.#waiting.names();
      const listed: EntryName[] = [];
      for await (const name of outbox.list()) {
        if (this.#waiting.isFull) break;
        listed.push(name);
        this.#waiting.add(name);
      }
      if (!this.#waiting.isFull) this.#waiting.keepOnly(listed, before);
      this.#isListed = true;
    } catch (error) {
      logger.warn("webhook-outbox-not-read", { error });
    }
  }

  #pump(): void {
    const { clock, store } = this.#options;
    if (this.#isStopped || !store.owns(SENDER)) return;
    for (const notice of this.#waiting.take()) {
      const attempt: Promise<void> = this.#tryOnce(notice).then((retryAfterMs) => {
        this.#waiting.release(notice, clock.now(), retryAfterMs);
        this.#attempts.delete(attempt);
        this.#pump();
      });
      this.#attempts.add(attempt);
    }
  }

  /** Resolves with how long it must not be tried again, in ms; never rejects. What is done with is forgotten. */
  async #tryOnce(notice: WaitingNotice): Promise<number> {
    const { logger, outbox } = this.#options;
    const { name } = notice;
    try {
      if (notice.isDelivered) return await this.#remove(notice);
      const entry = await outbox.read(name);
      if (entry === null) this.#waiting.forget(notice);
      else if (entry !== "odd") return await this.#send(notice, entry);
      else this.#noteOdd(name.id);
    } catch (error) {
      logger.warn("webhook-outbox-not-read", { id: name.id, error });
    }
    return 0;
  }

  async #send(notice: WaitingNotice, entry: OutboxEntry): Promise<number> {
    const { addresses } = this.#options;
    const { name } = notice;
    const address = addresses.find(({ hash }) => hash === name.address);
    // one that other processes are configured with, or that was removed: it is sent nothing from here
    if (!address) return this.#failed(notice, entry, { address: null }, LEAVE_MS);
    if (this.#health.isGone(address)) return this.#remove(notice);
    const { signal } = this.#abort;
    const delivery = { url: address.url, id: name.id, body: entry.body, signal };
    const outcome = await deliver(this.#options, delivery);
    switch (outcome.kind) {
      case "delivered":
        notice.isDelivered = true;
        this.#health.noteWorking(address, this.#waiting.size - 1);
        return this.#remove(notice);
      case "gone":
        this.#health.noteGone(address);
        return this.#remove(notice);
      default: {
        if (signal.aborted) return 0;
        const { kind: _, retryAfterMs, ...failure } = outcome;
        this.#health.noteFailing(address, failure);
        return this.#failed(notice, entry, { address: address.origin, ...failure }, retryAfterMs);
      }
    }
  }

  async #failed(
    notice: WaitingNotice,
    { createdAtMs, type }: OutboxEntry,
    failure: object,
    retryAfterMs: number,
  ): Promise<number> {
    const { clock, logger } = this.#options;
    if (clock.now() - createdAtMs < GIVE_UP_MS) return retryAfterMs;
    logger.error("webhook-given-up", { id: notice.name.id, type, ...failure });
    return this.#remove(notice);
  }

  async #remove(notice: WaitingNotice): Promise<number> {
    await this.#options.outbox.remove(notice.name);
    this.#waiting.forget(notice);
    return 0;
  }
}
