/**
 * What a client of the AG-UI standard is sent (PROTOCOL 11, decision 008).
 *
 * In: the lines of one session's logs as a `LogFollower` reads them from a `ReplayStart`: the
 * compact log, then the raw log, then what is appended to it. Out: server-sent events in chunks of
 * at most 128 KiB, each event with the cursor of what was sent so far, in the dialect that the
 * client understands (`repair/dialect.ts`).
 *
 * A stream begins with the history (`createProfileSource`) or with one run that sends what the
 * history amounts to (`createSnapshotSource`). `readAmbientSnapshot` makes such a snapshot for
 * clients of the ambient dialect, who get the stored events after it.
 *
 * What holds, whatever is in the log:
 *
 * - Every run is sent from its RUN_STARTED to one terminal. Runs do not overlap, and no event
 *   stands between two of them: an event that comes between runs is held until the next one.
 * - What a run has opened is closed before its terminal. What is opened or closed twice is left
 *   out.
 * - An event that needs no change is sent with the bytes that are stored. A repaired one keeps the
 *   text of its numbers (`model/exact-json.ts`). One that cannot be valid where it stands is sent
 *   as RAW.
 * - An event over which something fails does not end the stream: it is sent as RAW and logged.
 * - An event that is too large for clients is not sent: a delta is cut into several, any other is
 *   named by a CUSTOM event.
 * - A snapshot of messages is sent for all messages of the session, since a client drops what a
 *   snapshot leaves out.
 * - Everything kept is bounded. Messages beyond `MESSAGE_CHARS`, or beyond what the process has for
 *   all streams, are released: the client still gets every event, but no snapshot. Held events are
 *   kept as places in the log and read again.
 * - What takes long is done in steps (`Rest`, `Steps`), in turns of the event loop.
 *
 * Files, in reading order:
 *
 * 1. this file: one pass over the logs, and what it takes up
 * 2. `profile-reader.ts`: chunks to lines to frames; with `line-splitter.ts`, `delta-splitter.ts`
 *    for deltas that are too large for one event, and `frame-writer.ts`
 * 3. `profile-stream.ts`: which run is open, what is held (`held-events.ts`), what begins and ends
 *    runs
 * 4. `run-events.ts`: the events of the open run, and the items that are open in it
 * 5. `repair/`: one event as a client accepts it; begins with `parsed-event.ts` and
 *    `repair-event.ts`
 * 6. `client-view/`: what a client holds by now; begins with `message-list.ts`, `apply-event.ts`
 *    and `pending-messages.ts`
 * 7. `synthetic-events.ts`, `undelivered.ts`, `interrupts.ts`: what no log has, what could not be
 *    sent, what the session waits for
 * 8. `snapshot.ts`: messages, state and open items as one run
 * 9. `posted-input.ts` and `only-run.ts`: a client that posts a run and is sent that run alone
 */

import type { LogStore } from "../../ports/log-store.ts";
import type { Logger } from "../../ports/logger.ts";
import type { ByteBudget } from "../../stream/sync/byte-budget.ts";
import type { TimeSlicer } from "../../stream/sync/time-slicer.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { type Cursor, formatCursor } from "../model/cursor.ts";
import {
  AT_END,
  createLogFollower,
  type LogFollower,
  type SharedReads,
} from "../replay/log-follower.ts";
import type { ReplayStart } from "../replay/resume-point.ts";
import type { SessionUse } from "../session/session-registry.ts";
import type { Dialect } from "./repair/dialect.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";
import { Faults } from "./faults.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { Message } from "./repair/repair-message.ts";
import { MessageList } from "./client-view/message-list.ts";
import { ProfileReader } from "./profile-reader.ts";
import { ProfileStream } from "./profile-stream.ts";
import { newRun } from "./synthetic-events.ts";
import type { RunIds } from "./repair/repair-run-started.ts";
import { sessionSnapshot } from "./snapshot.ts";
import { StateDocument } from "./client-view/state-document.ts";

/** Memory of the process that standard streams share. */
export interface ProfileBudgets {
  /** For the messages that streams keep; a stream without room there keeps none. */
  readonly messages: ByteBudget;
  /** For long lines that are being read; a stream without room there waits. */
  readonly lines: ByteBudget;
  /** For reads of the logs. */
  readonly reads: SharedReads;
  /** The turns in which lines are processed. */
  readonly turns: TimeSlicer;
}

export interface ProfileSourceOptions {
  readonly store: LogStore;
  readonly start: ReplayStart;
  readonly dialect: Dialect;
  readonly budgets: ProfileBudgets;
  /** Logs events over which something failed. Default: they are not logged. */
  readonly logger?: Logger;
  /** Only this run is sent; default all. */
  readonly onlyRun?: string;
  /** Thread that the client asked with, if it did. */
  readonly clientThreadId?: string;
  /** Messages that the client has already by its own account; null if they are unknown. */
  readonly known?: readonly Message[] | null;
  /** Whether the client holds messages that the first run has to replace. */
  readonly isWarm?: boolean;
  /** Whether nothing more will come once everything stored is sent. */
  readonly isOver: () => boolean;
}

/** Most characters of JSON in the messages of one stream. */
const MESSAGE_CHARS = 8 * 1024 * 1024;

/** Most bytes of a chunk, for which a client has one write deadline. */
const CHUNK_BYTES = 128 * 1024;

/** A position in a raw log. */
type RawPosition = Cursor & { readonly log: "raw" };

/** One reading of a session through the profile, with everything that it holds. */
class Pass {
  readonly #use: SessionUse;
  readonly #start: ReplayStart;
  readonly #abort = new AbortController();
  readonly #release: () => void;
  readonly #turns: TimeSlicer;
  readonly #faults: Faults;
  /** Messages that the client has already, until `messages` has them. */
  #known: readonly Message[];
  readonly reader: LogFollower;
  readonly writer: FrameWriter = new FrameWriter();
  readonly messages: MessageList;
  readonly state: StateDocument | null;
  readonly profile: ProfileStream;
  readonly frames: ProfileReader;

  constructor(
    use: SessionUse,
    options: ProfileSourceOptions,
    isSnapshot: boolean,
    { isUnbounded = false }: { readonly isUnbounded?: boolean } = {},
  ) {
    this.#use = use;
    this.#start = options.start;
    const { budgets, clientThreadId, dialect, known = [], onlyRun, start, store } = options;
    const { key } = use.session;
    this.#faults = new Faults(key, options.logger);
    const room = budgets.messages.lease();
    this.#release = () => room.release();
    // the use belongs to the source, which may need it for a second pass
    const lent: SessionUse = { session: use.session, release() {} };
    this.reader = createLogFollower(lent, { store, start, reads: budgets.reads });
    this.messages = new MessageList({ limitChars: MESSAGE_CHARS, room });
    // a snapshot without those messages would take them from the client
    if (known === null) this.messages.lose();
    this.#known = known ?? [];
    this.state = isSnapshot ? new StateDocument() : null;
    this.profile = new ProfileStream({
      dialect,
      threadId: clientThreadId ?? key.session,
      writer: this.writer,
      messages: this.messages,
      isWarm: options.isWarm ?? false,
      isUnbounded,
      onFault: this.#faults.report,
      ...(this.state && { state: this.state }),
      ...(onlyRun !== undefined && { onlyRun }),
      ...(clientThreadId !== undefined && { clientThreadId }),
    });
    const { profile, writer } = this;
    const { signal } = this.#abort;
    const { lines: lineBudget, turns } = budgets;
    this.#turns = turns;
    this.frames = new ProfileReader({ key, store, profile, writer, lineBudget, turns, signal });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Reads what is stored without sending it. Resolves with the position after it, null if there is
   * no log.
   */
  async readHistory(): Promise<RawPosition | null> {
    this.writer.isMuted = true;
    let position: RawPosition | null = null;
    await this.#learnKnown();
    for (;;) {
      const chunk = this.signal.aborted ? null : await this.reader.poll();
      if (chunk === null || chunk === AT_END) return position;
      const { logId, log } = chunk.place;
      position = { log: "raw", logId, offset: log === "raw" ? chunk.end : this.#start.offset };
      // nothing is written while the writer is muted
      await this.frames.feed(chunk).next();
      const isOverflowed = this.messages.isOverflowed || this.state?.isOverflowed === true;
      if (isOverflowed || this.profile.undelivered.isIncomplete) return position;
    }
  }

  async #learnKnown(): Promise<void> {
    const known = this.#known;
    this.#known = [];
    if (known.length > 0) await inTurns(this.messages.mergeInSteps(known), this.#turns);
  }

  /** Sends everything from the pass's position to its end. */
  async *emitAll(isOver: () => boolean): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const { log } = this.#use.session;
    await this.#learnKnown();
    while (!this.signal.aborted) {
      // checked before reading: events that were stored before a run ended are then read before its
      // end is known
      const seen = log.changes;
      const isLast = isOver();
      const chunk = await this.reader.poll();
      if (chunk === null) return;
      if (chunk !== AT_END) {
        yield* this.frames.feed(chunk);
        if (this.profile.isDone) return;
        continue;
      }
      yield* this.frames.caughtUp();
      if (isLast) {
        yield* this.frames.finish();
        return;
      }
      await log.grown(this.signal, seen);
    }
  }

  /** Resolves with null where `make` fails: then the history is sent instead. */
  async attempt<T>(make: () => Promise<T>): Promise<T | null> {
    try {
      return await make();
    } catch (error) {
      this.#faults.report(error, "MESSAGES_SNAPSHOT");
      return null;
    }
  }

  /** Ends the reads that are under way. */
  stop(): void {
    this.#abort.abort();
  }

  close(): void {
    this.#abort.abort();
    this.reader.close();
    this.frames.close();
    this.#faults.close();
    this.#release();
  }
}

/**
 * A session, or one run of it, for clients of the AG-UI standard: frames from `start` until nothing
 * more will come. Takes over `use` and releases it when closed.
 */
export function createProfileSource(use: SessionUse, options: ProfileSourceOptions): ChunkSource {
  return sourceOf(use, new Pass(use, options, false), options);
}

function sourceOf(
  use: SessionUse,
  pass: Pass,
  { budgets, isOver }: Pick<ProfileSourceOptions, "budgets" | "isOver">,
): ChunkSource {
  const frames = pass.emitAll(isOver);
  /** The rest of frames that are more than one chunk. */
  let rest: Uint8Array<ArrayBuffer> | null = null;
  return {
    async next() {
      // a turn for others, even if the client takes everything at once
      if (rest) await budgets.turns.run(() => Promise.resolve());
      const bytes = rest ?? (await frames.next()).value ?? null;
      const isMore = bytes !== null && bytes.length > CHUNK_BYTES;
      rest = isMore ? bytes.subarray(CHUNK_BYTES) : null;
      return isMore ? bytes.subarray(0, CHUNK_BYTES) : bytes;
    },
    get atBoundary() {
      return rest === null;
    },
    close() {
      pass.close();
      void frames.return().catch(() => {
        // the read ends by the signal; its error has no receiver
      });
      use.release();
    },
  };
}

export interface SnapshotSource {
  readonly source: ChunkSource;
  /** Whether the source begins with a snapshot; if not, it is the whole history. */
  readonly isSnapshot: boolean;
}

/**
 * As `createProfileSource`, but reads the history first and sends a snapshot of it
 * (`sessionSnapshot`) if there can be one and, unless `isForced`, it takes fewer bytes than the
 * history. Once `signal` aborts nothing more is read, and the result is of no use.
 */
export async function createSnapshotSource(
  use: SessionUse,
  options: ProfileSourceOptions & { readonly isForced: boolean; readonly signal?: AbortSignal },
): Promise<SnapshotSource> {
  const pass = new Pass(use, options, true);
  const { signal } = options;
  const stop = (): void => pass.stop();
  signal?.addEventListener("abort", stop);
  try {
    const { profile, writer } = pass;
    const position = await pass.readHistory();
    const threadId = options.clientThreadId ?? use.session.key.session;
    const lines =
      position === null ? [] : await pass.attempt(() => snapshotRun(pass, threadId, options));
    const size = lines?.reduce((sum, { bytes }) => sum + bytes.length, 0) ?? Infinity;
    if (lines && (options.isForced || size < writer.written)) {
      writer.isMuted = false;
      if (position !== null) writer.cursor = formatCursor(position);
      for (const line of lines) writer.event(line);
      profile.snapshotSent();
      return { source: sourceOf(use, pass, options), isSnapshot: true };
    }
  } catch (error) {
    pass.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  pass.close();
  return { source: createProfileSource(use, options), isSnapshot: false };
}

/** The snapshot of the session as a run: the open run, or a synthetic one. */
async function snapshotRun(
  pass: Pass,
  threadId: string,
  { dialect, budgets }: ProfileSourceOptions,
): Promise<ParsedEvent[] | null> {
  const lines = await sessionSnapshot(pass, dialect, budgets.turns);
  if (!lines) return null;
  const { openRun } = pass.profile;
  const ids = openRun ?? newRun(threadId);
  const started = ParsedEvent.of({ type: "RUN_STARTED", ...ids });
  return openRun ? [started, ...lines] : [started, ...lines, finishedAs(pass, ids)];
}

/** The end of a run that repeats what the session waits for. */
function finishedAs({ profile }: Pass, ids: RunIds): ParsedEvent {
  const { runId, threadId } = ids;
  return profile.interrupts
    .finished()
    .with({ runId: JSON.stringify(runId), threadId: JSON.stringify(threadId) });
}

export interface AmbientSnapshot {
  /**
   * Frames of a snapshot of the session; the last has the cursor of the position that they stand
   * for.
   */
  readonly frames: Uint8Array<ArrayBuffer>;
  /** Where the raw log goes on. */
  readonly position: RawPosition;
}

/**
 * A snapshot of a session's messages and state in the ambient dialect: stored events follow from
 * `position` on. Null when there is no log, or when the snapshot cannot be made.
 */
export async function readAmbientSnapshot(
  use: SessionUse,
  options: Omit<ProfileSourceOptions, "dialect" | "isOver">,
): Promise<AmbientSnapshot | null> {
  const whole: ProfileSourceOptions = { ...options, dialect: "1.0", isOver: () => true };
  const pass = new Pass(use, whole, true, { isUnbounded: true });
  try {
    const position = await pass.readHistory();
    const { turns } = options.budgets;
    const lines = position && (await pass.attempt(() => sessionSnapshot(pass, "0.0", turns)));
    if (!lines) return null;
    const { interrupts, isFailed, openRun } = pass.profile;
    const isAsking = openRun === null && interrupts.isInterrupted;
    const ids = isAsking ? newRun(use.session.key.session) : isFailed ? null : openRun;
    const started = ids ? [ParsedEvent.of({ type: "RUN_STARTED", ...ids })] : [];
    if (ids && isAsking) lines.push(finishedAs(pass, ids));
    const { writer } = pass;
    writer.isMuted = false;
    for (const [index, line] of [...started, ...lines].entries()) {
      // a client that received only a part of it comes back without a cursor, and gets all of it
      if (index === started.length + lines.length - 1) writer.cursor = formatCursor(position);
      writer.event(line);
    }
    return { frames: writer.take() ?? new Uint8Array(), position };
  } finally {
    pass.close();
  }
}
