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
  /** For the messages that streams keep; without room there they keep none. */
  readonly messages: ByteBudget;
  /** For long lines that are being read; who gets none waits. */
  readonly lines: ByteBudget;
  /** For what is read of the logs. */
  readonly reads: SharedReads;
  /** In which what was read is dealt with. */
  readonly turns: TimeSlicer;
}

export interface ProfileSourceOptions {
  readonly store: LogStore;
  readonly start: ReplayStart;
  readonly dialect: Dialect;
  readonly budgets: ProfileBudgets;
  /** Is informed of events that could not be dealt with. Default: nobody is. */
  readonly logger?: Logger;
  /** Only this run is sent; default all. */
  readonly onlyRun?: string;
  /** Thread that the client asked with, if it did. */
  readonly clientThreadId?: string;
  /** Messages that the client has already, as it says; null if nobody can tell which. */
  readonly known?: readonly Message[] | null;
  /** Whether the client holds messages that the first run has to replace. */
  readonly isWarm?: boolean;
  /** Whether nothing more will come, once everything stored is sent. */
  readonly isOver: () => boolean;
}

/** Most characters of JSON in the messages of one stream. */
const MESSAGE_CHARS = 8 * 1024 * 1024;

/** Most bytes that a client has one write deadline for. */
const CHUNK_BYTES = 128 * 1024;

/** A position in a raw log. */
type RawPosition = Cursor & { readonly log: "raw" };

/** One reading of a session through the profile, and everything that it takes up. */
class Pass {
  readonly #use: SessionUse;
  readonly #start: ReplayStart;
  readonly #abort = new AbortController();
  readonly #release: () => void;
  readonly #turns: TimeSlicer;
  readonly #faults: Faults;
  /** What the client has already, until the messages have it. */
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
    // the use is the source's, which may need it for a second pass
    const lent: SessionUse = { session: use.session, release() {} };
    this.reader = createLogFollower(lent, { store, start, reads: budgets.reads });
    this.messages = new MessageList({ limitChars: MESSAGE_CHARS, room });
    // a snapshot of others alone would take them from the client
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
      // nothing is written while it is muted, so there is nothing to take between
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

  /** Everything from where the pass is to its end. */
  async *emitAll(isOver: () => boolean): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const { log } = this.#use.session;
    await this.#learnKnown();
    while (!this.signal.aborted) {
      // asked before reading: what is stored before a run's end is known is read before it
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

  /** What is left out where it cannot be made: the history is sent instead. */
  async attempt<T>(make: () => Promise<T>): Promise<T | null> {
    try {
      return await make();
    } catch (error) {
      this.#faults.report(error, "MESSAGES_SNAPSHOT");
      return null;
    }
  }

  /** Ends what is being read. */
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
  /** What is left of frames that are too much for one chunk. */
  let rest: Uint8Array<ArrayBuffer> | null = null;
  return {
    async next() {
      // a client that takes everything at once would be given it at once
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
        // what it was reading ends by the signal; its error has nobody to go to
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
 * As `createProfileSource`, but the history is read first and then said at once (`sessionSnapshot`), if that
 * is possible and, unless `isForced`, takes fewer bytes than the history. Once `signal` aborts no more
 * is read, and what it resolves with is of no use.
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

/** What the session has come to as a run: the one that is open, or one of its own. */
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

/** The end of a run that says again what the session waits for. */
function finishedAs({ profile }: Pass, ids: RunIds): ParsedEvent {
  const { runId, threadId } = ids;
  return profile.interrupts
    .finished()
    .with({ runId: JSON.stringify(runId), threadId: JSON.stringify(threadId) });
}

export interface AmbientSnapshot {
  /** Frames of a snapshot of the session; the last has the cursor they stand for. */
  readonly frames: Uint8Array<ArrayBuffer>;
  /** Where the raw log goes on. */
  readonly position: RawPosition;
}

/**
 * A session's messages and state said at once in the ambient dialect: events as they are stored
 * follow from `position` on. Null when there is nothing, or too much to be said at once.
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
      // a client that got a part of it comes back without a cursor, and gets it whole
      if (index === started.length + lines.length - 1) writer.cursor = formatCursor(position);
      writer.event(line);
    }
    return { frames: writer.take() ?? new Uint8Array(), position };
  } finally {
    pass.close();
  }
}
