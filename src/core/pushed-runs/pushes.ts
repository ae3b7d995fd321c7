/**
 * Runs that agents push by themselves: a job, a queue worker or a script sends the events, no runner is called
 * (decision 033).
 *
 * In: the events of one request, and whose they are (`Producer`). Out: lines in the session's raw log, in one append
 * whose note says how far the producer is. So an append that is repeated after a crash is known, whoever has the session then.
 *
 * A pushed run is the active run of its session as long as it is open (`Runs.hold`): it is in lists and documents, is
 * cancelled, and others wait for it, like any run. Its mark names its producer. A server that finds the mark
 * leaves the run open, until its producer goes on or has been silent for too long.
 *
 * 1. `pushed-events.ts`: what is in a request
 * 2. `producer.ts`: whether it is the producer's next batch
 * 3. `batch-plan.ts`: which runs it begins and ends
 * 4. this file: one batch of a session after the other
 * 5. `store-batch.ts`: its mark, its events, its note
 * 6. `pushed-run.ts`, `open-pushed-runs.ts`: the open run, and how else it ends
 */

import type { Clock } from "../../ports/clock.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogNote, LogStore, SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import type { RunMarks } from "../log/open-run-marks.ts";
import { findRun } from "../model/session-state.ts";
import type { Runs } from "../runs/runs.ts";
import type { OpenRunFound } from "../runs/take-up-run.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../session/session-registry.ts";
import { planBatch } from "./batch-plan.ts";
import { createOpenPushedRuns } from "./open-pushed-runs.ts";
import {
  isProducerNote,
  judge,
  type Producer,
  producerNoteKey,
  producerState,
  type Verdict,
} from "./producer.ts";
import type { PushedEvents } from "./pushed-events.ts";
import { busy, storeBatch } from "./store-batch.ts";

export interface PushesOptions {
  readonly store: LogStore;
  readonly directory: Pick<SessionDirectory, "logsMakeSessions">;
  readonly sessions: Sessions;
  readonly marks: RunMarks;
  readonly runs: Pick<Runs, "activeRun" | "hold" | "isRunning">;
  readonly platform: Pick<SessionPlatform, "noteActivity">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Throws where no run may begin now. */
  readonly assertRoom: () => void;
  /** How long in ms a pushed run may be silent. */
  readonly idleMs: number;
}

/** What became of a batch, and where the log ended then. */
export type PushResult =
  | { readonly kind: "stored"; readonly logId: string; readonly end: number }
  | (Exclude<Verdict, { readonly kind: "new" }> & { readonly logId: string; readonly end: number });

export interface Pushes {
  /**
   * Stores the events of one request, all of them or none. Without a `producer` nothing tells a batch that is sent again
   * from a new one. Rejects with `invalid-input`, `run-ended`, `session-not-found` where the session has no log,
   * `overloaded` while another run is active or too many batches wait, and as the store; then nothing was stored, and
   * the batch may be sent again.
   */
  push(key: SessionKey, batch: PushedEvents, producer: Producer | null): Promise<PushResult>;
  /** Waits for the rest of a run that was found open, whose mark is this process's. False if that cannot be. */
  takeUp(key: SessionKey, run: OpenRunFound): boolean;
}

/** Batches of one session that wait at once: a producer has a few in flight. */
const MAX_WAITING = 64;
/** Producers of a session that are remembered; a log has room for some more notes. */
const MAX_PRODUCERS = 20;

export function createPushes(options: PushesOptions): Pushes {
  const { directory, sessions, store } = options;
  const open = createOpenPushedRuns(options);
  const waiting = new Map<string, number>();

  /** As `push`, in the session's turn. */
  async function pushNow(
    session: Session,
    batch: PushedEvents,
    producer: Producer | null,
  ): Promise<PushResult> {
    const { key } = session;
    // whoever may push made the session before
    const found = await session.load();
    if (found === null && directory.logsMakeSessions)
      throw new RunlogError("session-not-found", "Session not found");
    const logId = found ?? (await session.loadOrCreate());
    const stat = await session.log.refresh();
    if (stat?.logId !== logId) throw new RunlogError("log-fenced", "The log was replaced");
    // it may have been found longer than it was known to be
    await session.load();
    const noteKey = producer && producerNoteKey(producer.id);
    const known = producerState(stat.notes.find((note) => note.key === noteKey)?.text ?? null);
    const verdict = producer ? judge(producer, known) : { kind: "new" as const, isNewEpoch: false };
    if (verdict.kind !== "new") return { ...verdict, logId, end: stat.end.raw };

    const current = open.of(session, logId);
    const own = current?.producerId === (producer?.id ?? "") ? current : null;
    const plan = planBatch(batch, {
      openRun: own?.runId ?? null,
      wasOpen: known?.isOpen ?? false,
      isNewEpoch: verdict.isNewEpoch,
      isKnown: (runId) => findRun(session.state, runId) !== null,
      defaultThreadId: key.session,
    });
    if (plan.begins.length > 0) options.assertRoom();
    if (!own) {
      await open.released(key);
      assertFree(key);
      // runs that an earlier process did not end come first
      await sessions.recover(key);
    }
    if (noteKey !== null && !known) await makeRoom(session, logId, stat.notes);
    const end = await storeBatch({ ...options, open }, session, {
      logId,
      knownEnd: stat.end.raw,
      batch,
      producer,
      plan,
      own,
    });
    return { kind: "stored", logId, end };
  }

  function assertFree(key: SessionKey): void {
    const { runs } = options;
    if (runs.activeRun(key) === null && !runs.isRunning(key)) return;
    throw busy();
  }

  /** Forgets the producer that has been silent for longest, if there are many. */
  async function makeRoom(
    { key }: Session,
    logId: string,
    notes: readonly LogNote[],
  ): Promise<void> {
    const producers = notes.filter((note) => isProducerNote(note.key));
    if (producers.length < MAX_PRODUCERS) return;
    const oldest = producers.reduce((one, other) => (other.end < one.end ? other : one));
    await store.dropNote(key, logId, oldest.key);
  }

  return {
    async push(key, batch, producer) {
      const id = idOf(key);
      const before = waiting.get(id) ?? 0;
      if (before >= MAX_WAITING)
        throw new RunlogError("overloaded", "Too many batches of this session wait");
      waiting.set(id, before + 1);
      try {
        return await sessions.with(key, (session) =>
          open.inTurn(key, () => pushNow(session, batch, producer)),
        );
      } finally {
        const left = (waiting.get(id) ?? 1) - 1;
        if (left === 0) waiting.delete(id);
        else waiting.set(id, left);
      }
    },

    takeUp(key, found) {
      const run = open.make(key, found);
      try {
        const released = options.runs.hold(key, run);
        if (!released) return false;
        open.note(key, run, released);
        return true;
      } catch (error) {
        // the next server takes it up
        if (hasCode(error, "overloaded")) return true;
        throw error;
      }
    },
  };
}
