import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import { BackOff } from "../../src/stream/sync/back-off.ts";
import { type Api, OWN } from "./api.ts";
import { isRefusal } from "./failure.ts";
import { inParallel } from "./in-parallel.ts";
import { sessionPath } from "./resources.ts";

export interface ActivityOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Activity {
  /** Something happened in the session. What is urgent is written at once. */
  note(key: SessionKey, isUrgent: boolean): void;
  /** Writes what was noted and not yet written, for 3 s at most, and then nothing more. */
  close(): Promise<void>;
}

const INTERVAL_MS = 10_000;
const RETRY_MS = 1_000;
const TIMEOUT_MS = 10_000;
const CLOSE_MS = 3_000;
const MAX_IN_FLIGHT = 50;
const MERGE_PATCH = "application/merge-patch+json";

/** A session with something to write, or that was written to not long ago. */
interface Entry {
  readonly key: SessionKey;
  /** When the latest of what is not written happened; null if everything is. */
  notedAtMs: number | null;
  isWriting: boolean;
  /** How long a failed write is not tried again. */
  readonly backOff: BackOff;
  /** Ends the waiting for the next write; null while there is none. */
  cancelWait: (() => void) | null;
}

/**
 * Keeps `status.lastActivityTime` of sessions: the operator stops those in which nothing happens. A
 * merge patch of the one field cannot overwrite what the operator writes beside it.
 */
export function createActivity({ api, clock, logger }: ActivityOptions): Activity {
  const entries = new Map<string, Entry>();
  const inFlight = new Set<Promise<void>>();
  let isClosed = false;

  function write(entry: Entry): void {
    entry.cancelWait?.();
    entry.cancelWait = null;
    if (entry.isWriting) return;
    if (inFlight.size >= MAX_IN_FLIGHT) return waitFor(entry, RETRY_MS);
    const writing = patch(entry).finally(() => inFlight.delete(writing));
    inFlight.add(writing);
  }

  async function patch(entry: Entry): Promise<void> {
    const { key, notedAtMs } = entry;
    entry.isWriting = true;
    entry.notedAtMs = null;
    const at = new Date(notedAtMs ?? clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
    try {
      await api.json({
        account: OWN,
        method: "PATCH",
        path: `${sessionPath(key)}/status`,
        body: { status: { lastActivityTime: at } },
        contentType: MERGE_PATCH,
        timeoutMs: TIMEOUT_MS,
      });
      entry.backOff.reset();
      waitFor(entry, INTERVAL_MS);
    } catch (error) {
      // the session is deleted
      if (isRefusal(error, "NotFound")) return forget(entry);
      logger.warn("activity-not-written", { ...key });
      entry.notedAtMs ??= notedAtMs;
      waitFor(entry, entry.backOff.next());
    } finally {
      entry.isWriting = false;
    }
  }

  function waitFor(entry: Entry, ms: number): void {
    if (isClosed) return;
    entry.cancelWait = clock.after(ms, () => {
      if (entry.notedAtMs === null) forget(entry);
      else write(entry);
    });
  }

  function forget(entry: Entry): void {
    entry.cancelWait?.();
    entries.delete(idOf(entry.key));
  }

  return {
    note(key, isUrgent) {
      if (isClosed) return;
      const known = entries.get(idOf(key));
      const entry = known ?? {
        key,
        notedAtMs: null,
        isWriting: false,
        backOff: new BackOff({ firstMs: RETRY_MS, maxMs: INTERVAL_MS }),
        cancelWait: null,
      };
      entry.notedAtMs = clock.now();
      entries.set(idOf(key), entry);
      if (!known || isUrgent) write(entry);
    },

    async close() {
      isClosed = true;
      for (const { cancelWait } of entries.values()) cancelWait?.();
      const unwritten = [...entries.values()].filter(({ notedAtMs }) => notedAtMs !== null);
      const written = Promise.all([...inFlight, inParallel(unwritten, MAX_IN_FLIGHT, patch)]);
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const cancel = clock.after(CLOSE_MS, resolve);
      await Promise.race([written, late]);
      cancel();
      entries.clear();
    },
  };
}
