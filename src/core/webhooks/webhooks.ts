/**
 * Webhooks: addresses that are told what becomes of runs (PROTOCOL 22, decision 035).
 *
 * In: events that were stored, and the marks of runs that other processes have left. Out: signed POST requests to
 * configured addresses, each at least once, with the same id however often.
 *
 * What holds:
 *
 * - An append waits for nothing here. Its session says what it has stored (`run-turned`), and the rest goes on in the
 *   background.
 * - The mark of a run is removed after the notice of its end is in the outbox (`RunMarks.clearOpen`). So a crash between
 *   the two leaves the mark, and whoever finds it makes the same notice, with the same id, of the log.
 * - The outbox is beside the logs, and one of the processes that share it sends: the one that has the session `SENDER`,
 *   by the same leases as every session.
 * - An entry goes when its address has taken it, answered 410, or failed for a day.
 * - Bounded: 10,000 entries, 16 attempts at once, 4 for one address. A full outbox drops what comes, and logs it.
 *
 * Files, in reading order: `run-notices.ts` which events give a notice, and its id; `notice-body.ts`, `error-details.ts`
 * what it says; `recorder.ts` into the outbox; `outbox.ts` what lies there; `sender.ts`, `waiting-notices.ts` out of it;
 * `deliver.ts`, `signature.ts`, `addresses.ts`, `address-health.ts` one attempt.
 */

import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore } from "../../ports/log-store.ts";
import type { SessionEvents } from "../session/session-events.ts";
import { addressesOf } from "./addresses.ts";
import type { DeliverOptions } from "./deliver.ts";
import { createOutbox, type OutboxPlace } from "./outbox.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { Sender } from "./sender.ts";

export interface WebhookOptions extends Pick<DeliverOptions, "fetch" | "secrets"> {
  /** The addresses, each an http(s) URL. */
  readonly urls: readonly string[];
  readonly outbox: OutboxPlace;
}

export interface Webhooks extends Pick<Recorder, "recover" | "settled"> {
  /** Sends nothing new from now on; what comes is put into the outbox. */
  stop(): void;
  /** Resolves when everything is in the outbox and no attempt is under way. */
  close(): Promise<void>;
}

export interface WebhookSurroundings {
  readonly store: LogStore;
  readonly events: Pick<SessionEvents, "on">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createWebhooks(
  { urls, outbox: place, ...delivering }: WebhookOptions,
  { store, events, clock, logger }: WebhookSurroundings,
): Webhooks {
  const addresses = addressesOf(urls);
  const outbox = createOutbox(place, clock);
  const joined = { store, clock, logger, outbox, addresses };
  const sender = new Sender({ ...joined, ...delivering });
  const recorder = createRecorder({ ...joined, sender, events });
  return {
    recover: (mark) => recorder.recover(mark),
    settled: (mark) => recorder.settled(mark),
    stop: () => sender.stop(),
    async close() {
      await recorder.idle();
      await sender.close();
    },
  };
}
