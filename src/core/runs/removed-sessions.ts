import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { settledWithin } from "../../stream/sync/pause.ts";
import type { RunsEndedError } from "../model/run-end-reasons.ts";
import type { SessionUse } from "../session/session-registry.ts";
import type { RunQueue } from "./run-queue.ts";
import type { RunsOptions } from "./runs-options.ts";

/** How long a removal waits for a store that refuses the ends of runs, in ms. */
const END_WAIT_MS = 2_000;
/** How long a removal waits for viewers to read those ends, in ms. */
const READ_WAIT_MS = 500;

/** The runs of a session, which is in use as long as there are any. */
export interface QueueInUse {
  readonly runs: RunQueue;
  readonly use: SessionUse;
}

interface StoppedOptions {
  readonly clock: Clock;
  readonly entries: ReadonlyMap<string, QueueInUse>;
  readonly removals: Pick<KeyedMutex, "idle">;
}

/**
 * Waits for the ends of runs whose session could not be removed. Throws `log-not-writable` where the store does not
 * take them: until it does nothing else can run.
 */
export async function settleStopped(
  { clock, entries, removals }: StoppedOptions,
  id: string,
  cause: RunsEndedError,
): Promise<void> {
  const stopped = entries.get(id);
  // a removal that succeeds waits for the ends by itself
  await removals.idle(id);
  if (!stopped || entries.get(id) !== stopped) return;
  await settledWithin(END_WAIT_MS, clock, stopped.runs.settled());
  if (stopped.runs.isIdle) return;
  throw new RunlogError("log-not-writable", "Event log is not writable", { cause });
}

/** Gives the store time to take the ends of a session's runs, and viewers to read them. */
export async function settleEnds(
  { clock, sessions }: RunsOptions,
  key: SessionKey,
  ended: Promise<unknown>,
): Promise<void> {
  await sessions.with(key, async ({ log }) => {
    await settledWithin(END_WAIT_MS, clock, ended);
    // events that viewers have not read when the log is deleted stay unread
    await settledWithin(READ_WAIT_MS, clock, log.readByAll());
  });
}
