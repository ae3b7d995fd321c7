import type { Clock } from "../../src/ports/clock.ts";
import type { LogGrowth } from "../../src/ports/live-feed.ts";
import { idOf } from "../../src/ports/session-id.ts";

export interface PacedPositionsOptions {
  readonly clock: Pick<Clock, "after">;
  /** Sends a position; false where there is no way out now. */
  readonly send: (growth: LogGrowth) => boolean;
  /** Called when a position is forgotten unsent. */
  readonly onDropped: () => void;
}

/** The positions that go out: at most one a session in 20 ms, and the last one always. */
export interface PacedPositions {
  push(growth: LogGrowth): void;
  /** Sends what was kept, because there is a way out again. */
  resume(): void;
  /** Sends what waits for its time, and waits for nothing any more. */
  close(): void;
}

/** A session whose position was sent less than 20 ms ago. */
interface Sent {
  next: LogGrowth | null;
  readonly cancel: () => void;
}

const EVERY_MS = 20;
/** Sessions whose last position is kept while there is no way out: some 2 MB. */
const MAX_KEPT = 10_000;

export function createPacedPositions(options: PacedPositionsOptions): PacedPositions {
  const { clock, send, onDropped } = options;
  const sent = new Map<string, Sent>();
  /** The last positions that could not be sent, the oldest first. */
  const kept = new Map<string, LogGrowth>();

  function keep(id: string, growth: LogGrowth): void {
    kept.delete(id);
    kept.set(id, growth);
    const [oldest] = kept.keys();
    if (kept.size <= MAX_KEPT || oldest === undefined) return;
    kept.delete(oldest);
    onDropped();
  }

  function sendNow(id: string, growth: LogGrowth): boolean {
    if (!send(growth)) return false;
    // a later position stands for those before it
    kept.delete(id);
    const cancel = clock.after(EVERY_MS, () => {
      const next = sent.get(id)?.next ?? null;
      sent.delete(id);
      if (next) sendOrKeep(id, next);
    });
    sent.set(id, { next: null, cancel });
    return true;
  }

  function sendOrKeep(id: string, growth: LogGrowth): void {
    if (!sendNow(id, growth)) keep(id, growth);
  }

  return {
    push(growth) {
      const id = idOf(growth);
      const last = sent.get(id);
      if (last) last.next = growth;
      else sendOrKeep(id, growth);
    },

    resume() {
      for (const [id, growth] of kept) if (!sendNow(id, growth)) return;
    },

    close() {
      for (const { next, cancel } of sent.values()) {
        cancel();
        if (next) send(next);
      }
      sent.clear();
    },
  };
}
