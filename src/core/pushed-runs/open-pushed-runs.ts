import type { Clock } from "../../ports/clock.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { createKeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { findRun } from "../model/session-state.ts";
import type { OpenRunFound } from "../runs/take-up-run.ts";
import type { Session } from "../session/session.ts";
import { PushedRun } from "./pushed-run.ts";

export interface OpenPushedRunsOptions {
  readonly clock: Clock;
  /** How long in ms a pushed run may be silent. */
  readonly idleMs: number;
}

/** The pushed runs that are open in this process, at most one a session, and whose turn it is to change that. */
export interface OpenPushedRuns {
  /** Runs an operation when those of the session before it have settled. */
  inTurn<T>(key: SessionKey, operation: () => Promise<T>): Promise<T>;
  /** A run that is to be open. */
  make(key: SessionKey, run: OpenRunFound): PushedRun;
  /** It is the session's open one, until it has settled; `released` resolves when others may be active after that. */
  note(key: SessionKey, run: PushedRun, released: Promise<unknown> | null): void;
  /** Resolves when the runs that have settled are no longer the active ones. */
  released(key: SessionKey): Promise<void>;
  /** The open run of a loaded session; one that has its end all the same is over. */
  of(session: Session, logId: string): PushedRun | null;
}

export function createOpenPushedRuns({ clock, idleMs }: OpenPushedRunsOptions): OpenPushedRuns {
  const turns = createKeyedMutex();
  const open = new Map<string, PushedRun>();
  const releases = new Map<string, Promise<unknown>>();

  const inTurn = <T>(key: SessionKey, operation: () => Promise<T>): Promise<T> =>
    turns.run(idOf(key), operation);

  return {
    inTurn,

    make(key, found) {
      const id = idOf(key);
      const run: PushedRun = new PushedRun({
        ...found,
        clock,
        idleMs,
        inTurn: (operation) => inTurn(key, operation),
        onSettled() {
          if (open.get(id) === run) open.delete(id);
        },
      });
      return run;
    },

    note(key, run, released) {
      const id = idOf(key);
      open.set(id, run);
      if (!released) return;
      releases.set(id, released);
      void released.finally(() => {
        if (releases.get(id) === released) releases.delete(id);
      });
    },

    async released(key) {
      if (!open.has(idOf(key))) await releases.get(idOf(key));
    },

    of({ key, state }, logId) {
      const run = open.get(idOf(key)) ?? null;
      if (run?.logId !== logId) return null;
      if (findRun(state, run.runId)?.phase !== "ended") return run;
      run.settle("ended");
      return null;
    },
  };
}
