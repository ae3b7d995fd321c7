/**
 * Runs: from the request to the terminal that is stored (decisions 020 and 023).
 *
 * In: the bodies of posted runs, the runner's events (`RunnerClient`), the marks of open runs in
 * the store. Out: lines in the session's raw log: what the caller posted, the runner's events byte
 * for byte, and one terminal. Viewers read the log; nothing is sent to them from here.
 *
 * A run goes through these steps:
 *
 * 1. read: `readRunInput` checks the body and splices missing ids and the sender into it.
 * 2. admitted (`session/admission.ts`): a mark is set in the store, the posted messages that the log does not
 *    have are appended, and the checkpoint is saved. Only then is the caller answered.
 * 3. waiting: as many as `queueLimit` wait after the active run, in their order; their bodies are
 *    kept in the store.
 * 4. active: the body is posted to the runner, and each batch of events is appended as it comes.
 * 5. ended: RUN_FINISHED, RUN_ERROR, or a RUN_ERROR from here with the reason why there was none. The
 *    next run begins at once, or up to 2 s after RUN_FINISHED while the runner's answer goes on.
 * 6. cleared: the mark is removed, after the terminal is stored.
 *
 * What holds:
 *
 * - A session has one active run. A run that is posted again gets its first answer and runs once.
 * - A posted run is in the log only under a mark, so that a crash leaves no run open for good: the next
 *   process, or another one, finds the mark, and takes the run up or ends it
 *   (`recover-orphaned-runs.ts`).
 * - A refused run has started nothing. What may have been stored of it is ended soon after.
 * - A run that certainly never reached its runner may be posted again under its id.
 * - A run writes to the log that it was admitted to and to no other, also when the session is
 *   deleted and made again meanwhile.
 *
 * Files, in reading order:
 *
 * 1. this file: all sessions of the process; stop of the server. `removed-sessions.ts`: removal of a session;
 *    `end-reports.ts`: the platform is told
 * 2. `run-request.ts`, `run-input.ts`, `body-members.ts`, `kept-input.ts`, `message-digest.ts`, `posted-transcript.ts`,
 *    `posted-lines.ts`, `run-body.ts`: what is posted, and what of it is stored
 * 3. `run-queue.ts`, `admit-posted.ts`: one session's runs: admitted, waiting, active
 * 4. `execute-run.ts`, `stored-batch.ts`: one run from its runner into the log; `activity.ts`, `pod-watch.ts`,
 *    `runner-failures.ts`: what else is known of its runner
 * 5. `append-run-error.ts`: the end that no runner sent
 * 6. `recover-orphaned-runs.ts`, `close-run.ts`, `take-up-run.ts`: runs that nobody works on; those whose
 *    runner still has them are taken up, the others ended. `recover-unmarked-runs.ts`: those that no mark
 *    names. `runs-in-flight.ts`: which ones somebody works on
 */

import type { Caller } from "../../ports/authorizer.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { createByteBudget } from "../../stream/sync/byte-budget.ts";
import { settledWithin } from "../../stream/sync/pause.ts";
import { createKeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import {
  RESTARTED,
  type RunEnd,
  RunsEndedError,
  SHUTDOWN,
  UNFINISHED,
} from "../model/run-end-reasons.ts";
import { createEndReports } from "./end-reports.ts";
import type { HeldRun } from "./held-run.ts";
import { type QueueInUse, settleEnds, settleStopped } from "./removed-sessions.ts";
import { readRunInput } from "./run-input.ts";
import type { OpenRunFound, TakenRun } from "./take-up-run.ts";
import { runnerCalls } from "./runner-calls.ts";
import type { IsInFlight } from "./runs-in-flight.ts";
import type { RunsOptions } from "./runs-options.ts";
import { RunQueue } from "./run-queue.ts";
import type { RunAccepted, RunRequest } from "./run-request.ts";
import { findRun } from "../model/session-state.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../session/session-registry.ts";

/** A request body and the memory that it takes up. */
interface HeldBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Releases the memory. Idempotent. */
  release(): void;
}

/** What a run is posted with beside its body. */
export interface RunStartOptions {
  /** Headers that are forwarded to its runner. Default: none. */
  readonly headers?: RunRequest["headers"];
  /** The agent that it names. Default null: the session's, or the first. */
  readonly agent?: string | null;
}

export interface Runs {
  /**
   * Takes a run up in the background. Resolves when its runner has answered, or it has ended. Its mark must
   * be this process's.
   */
  takeUp(key: SessionKey, run: OpenRunFound, taken: TakenRun): Promise<void>;
  /**
   * As `RunQueue.hold`. Throws `overloaded` when the server stops.
   */
  hold(key: SessionKey, run: HeldRun, inPlaceOf?: string | null): Promise<unknown> | null;
  /**
   * Admits a run, stores its posted messages, and starts it in the background, at once or when its
   * turn has come. Rejects with `invalid-input`, `run-active` (`facts.runId` of the active run),
   * `log-not-writable`, or as `agentChoice`; then nothing was started. Takes over the body.
   */
  start(
    key: SessionKey,
    body: HeldBody,
    caller: Caller,
    options?: RunStartOptions,
  ): Promise<RunAccepted>;
  /**
   * Cancels a run (`RunQueue.cancel`). One that has ended stays as it is. Rejects with `run-not-found`, and
   * with `log-not-owned` for a run that another process works on.
   */
  cancel(
    key: SessionKey,
    runId: string | null,
    interrupt: () => Promise<boolean>,
  ): Promise<RunAccepted>;
  /** Cancels every run of the session that this process works on. */
  cancelAll(key: SessionKey, interrupt: () => Promise<boolean>): void;
  /** The session's active run, or null. */
  activeRun(key: SessionKey): RunAccepted | null;
  /** The session's active run, unless it has finished; or null. */
  unfinishedRun(key: SessionKey): RunAccepted | null;
  /** Whether a run of the session waits, or is active and not finished. */
  isRunning(key: SessionKey): boolean;
  /** Whether this run of the session is active, waits or wraps up; null asks for any. */
  readonly isInFlight: IsInFlight;
  /**
   * Ends the session's runs with a RUN_ERROR, then calls `remove` to remove the session; resolves
   * as that does. If a run was open, viewers get up to 500 ms to read its end; unread events are
   * then discarded. Runs that are started meanwhile wait, and belong to the session that is made
   * after it.
   */
  endSession<T>(key: SessionKey, end: RunEnd, remove: () => Promise<T>): Promise<T>;
  /** Sessions with a run that is active, waits, or wraps up, and that cannot be left open. */
  readonly busySessions: number;
  /**
   * Refuses new runs from now on, and waits up to `ms` for the others to end by themselves, but for those
   * that can be left open.
   */
  drain(ms: number): Promise<void>;
  /**
   * Ends every run with a RUN_ERROR, but for those that are left open for the next process to take up, and
   * refuses new ones. Resolves when all ends are stored or
   * refused, with the number of those that the store refused.
   */
  close(): Promise<number>;
}

/** How long a stop waits for a platform that does not answer, in ms. */
const REPORT_WAIT_MS = 5_000;

/** Memory for bodies of runs that have waited, while they are sent to their runners. */
const WAITED_BODY_BYTES = 32 * 1024 * 1024;

/** Sessions that a stop has to wait for. */
function countBusy(entries: ReadonlyMap<string, QueueInUse>): number {
  return [...entries.values()].filter(({ runs }) => !runs.isLeavable).length;
}

/** Ends all runs, as `Runs.close`. */
async function endAll(entries: ReadonlyMap<string, QueueInUse>): Promise<number> {
  const ending = [...entries.values()].map(({ runs }) => runs.end(SHUTDOWN));
  return (await Promise.all(ending)).reduce((sum, count) => sum + count, 0);
}

function refuseRuns(): never {
  throw new RunlogError("overloaded", "Server is shutting down");
}

/** Leaves the runs open that can be taken up, of sessions without other runs. */
function leaveOpen(entries: ReadonlyMap<string, QueueInUse>): void {
  for (const { runs } of entries.values()) if (runs.isLeavable) void runs.end(SHUTDOWN);
}

export function createRuns(options: RunsOptions): Runs {
  const { sessions, platform, clock, logger } = options;
  const entries = new Map<string, QueueInUse>();
  const removals = createKeyedMutex();
  const waitedBodies = createByteBudget(WAITED_BODY_BYTES);
  let closed = false;
  let whenIdle: () => void = () => {};
  const ends = createEndReports(platform, logger);

  const queueOf = (key: SessionKey): RunQueue | undefined => entries.get(idOf(key))?.runs;

  function leave(key: SessionKey): void {
    const left = entries.get(idOf(key));
    if (!left || !entries.delete(idOf(key))) return;
    // a run that the runner began within another one and did not end
    const recovered = closed
      ? Promise.resolve()
      : options.recovery.recover(left.use.session, UNFINISHED);
    void recovered
      .then(() => (closed ? handOver(options, left.use.session) : undefined))
      .finally(() => left.use.release());
    noteIdle();
  }

  const noteIdle = (): void => {
    if (countBusy(entries) === 0) whenIdle();
  };

  function runsOf(key: SessionKey): RunQueue {
    const id = idOf(key);
    const known = queueOf(key);
    if (known) return known;
    const use = sessions.use(key);
    const runs = new RunQueue({
      ...options,
      session: use.session,
      waitedBodies,
      ...runnerCalls(options, key),
      onResumable: noteIdle,
      onFinished: (how) => ends.report(key, how),
      onIdle: () => leave(key),
    });
    entries.set(id, { runs, use });
    return runs;
  }

  /** A run that is not stored when its session is removed is one of the session that comes after. */
  async function admit(session: Session, request: RunRequest): Promise<RunAccepted> {
    const id = idOf(session.key);
    for (;;) {
      await removals.idle(id);
      await session.load().catch((cause: unknown) => {
        throw new RunlogError("log-not-writable", "Event log is not writable", { cause });
      });
      if (!entries.has(id)) await options.recovery.recover(session, RESTARTED);
      if (removals.isBusy(id)) continue;
      if (closed) refuseRuns();
      try {
        return await runsOf(session.key).admit(request);
      } catch (error) {
        if (!(error instanceof RunsEndedError)) throw error;
        await settleStopped({ clock, entries, removals }, id, error);
      } finally {
        if (entries.get(id)?.runs.isIdle) leave(session.key);
      }
    }
  }

  const isInFlight: IsInFlight = (key, runId) => queueOf(key)?.isInFlight(runId) ?? false;
  options.inFlight.add(isInFlight);

  return {
    get busySessions() {
      return countBusy(entries);
    },

    async takeUp(key, run, taken) {
      if (closed) return;
      const answered = runsOf(key).takeUp(run, taken);
      options.events.emit("run-admitted", { ...run, key });
      await answered;
    },

    hold: (key, run, inPlaceOf = null) =>
      closed ? refuseRuns() : runsOf(key).hold(run, inPlaceOf),

    async start(key, body, caller, { headers = {}, agent = null } = {}) {
      try {
        const input = await readRunInput(body.bytes, {
          defaultThreadId: key.session,
          caller,
          newId: () => crypto.randomUUID(),
        });
        const request = { input, caller, headers, agent, releaseBody: () => body.release() };
        return await sessions.with(key, (session) => admit(session, request));
      } catch (error) {
        body.release();
        throw error;
      }
    },

    cancel: async (key, runId, interrupt) =>
      (await queueOf(key)?.cancel(runId, interrupt)) ?? endedRun(sessions, key, runId),

    cancelAll: (key, interrupt) => queueOf(key)?.cancelAll(interrupt),

    activeRun: (key) => queueOf(key)?.activeRun ?? null,
    unfinishedRun: (key) => queueOf(key)?.unfinishedRun ?? null,

    isRunning: (key) => queueOf(key)?.isRunning ?? false,

    isInFlight,

    endSession: (key, end, remove) =>
      removals.run(idOf(key), async () => {
        const ended = queueOf(key)?.end(end) ?? null;
        if (ended) await settleEnds(options, key, ended);
        const removed = await remove();
        // an end that could not be written needs no further attempt once its log is deleted
        await ended;
        return removed;
      }),

    async drain(ms) {
      closed = true;
      // another process takes them up at once; where there can be none they go on as long as this one serves
      if (options.store.changes === null) leaveOpen(entries);
      if (countBusy(entries) === 0 || ms === 0) return;
      const idle = new Promise<void>((resolve) => {
        whenIdle = resolve;
      });
      await settledWithin(ms, clock, idle);
    },

    async close() {
      closed = true;
      const orphanedRuns = await endAll(entries);
      await settledWithin(REPORT_WAIT_MS, clock, ends.settled());
      return orphanedRuns;
    },
  };
}

/** Lets another process have the session, with the run that is left open; who watches it elsewhere looks at once. */
async function handOver({ feed, store }: RunsOptions, { key, log }: Session): Promise<void> {
  await store.release(key);
  if (log.position) feed.publish({ ...key, ...log.position });
}

/** A run that is not worked on here. Throws unless it has ended, as `Runs.cancel`. */
async function endedRun(
  sessions: Sessions,
  key: SessionKey,
  runId: string | null,
): Promise<RunAccepted> {
  const known = await sessions.with(key, async (session) => {
    await session.load();
    return runId === null ? null : findRun(session.state, runId);
  });
  if (!known) throw new RunlogError("run-not-found", "Run not found");
  if (known.phase !== "ended")
    throw new RunlogError("log-not-owned", "Another server works on the run");
  return { runId: known.runId, threadId: known.threadId || key.session };
}
