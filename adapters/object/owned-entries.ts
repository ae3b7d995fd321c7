import type { Clock } from "../../src/ports/clock.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { idOf } from "../../src/ports/session-id.ts";
import type { OwnedSession } from "./owned-session.ts";

/** A session that this process has, and who uses it. */
export interface OwnedEntry {
  readonly session: OwnedSession;
  uses: number;
  unusedSinceMs: number;
}

/** The sessions that this process has, by their names. */
export class OwnedEntries {
  readonly #clock: Pick<Clock, "now">;
  readonly #entries = new Map<string, OwnedEntry>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** The session, unless another process was found to have it. */
  known(key: SessionKey): OwnedEntry | undefined {
    const entry = this.#entries.get(idOf(key));
    if (entry?.session.isLost) this.remove(key);
    return this.#entries.get(idOf(key));
  }

  enter(session: OwnedSession): OwnedEntry {
    const entry: OwnedEntry = { session, uses: 0, unusedSinceMs: this.#clock.now() };
    this.#entries.set(idOf(session.key), entry);
    return entry;
  }

  remove(key: SessionKey): void {
    this.#entries.delete(idOf(key));
  }

  all(): readonly OwnedEntry[] {
    return [...this.#entries.values()];
  }

  /** How long in ms nobody has used the session; 0 while somebody does, or something of it is under way. */
  idleMs(entry: OwnedEntry): number {
    return isBusy(entry) ? 0 : this.#clock.now() - entry.unusedSinceMs;
  }

  /** Uses the session for an operation. */
  async use<T>(entry: OwnedEntry, operation: (session: OwnedSession) => Promise<T>): Promise<T> {
    try {
      return await operation(entry.session);
    } finally {
      entry.uses--;
      entry.unusedSinceMs = this.#clock.now();
    }
  }
}

/** Whether the session is used, or something of it is under way. */
export function isBusy({ session, uses }: OwnedEntry): boolean {
  return uses > 0 || session.isBusy;
}
