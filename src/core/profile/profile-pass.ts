import { RunlogError } from "../../ports/errors.ts";
import type { LogStore } from "../../ports/log-store.ts";
import type { Logger } from "../../ports/logger.ts";
import type { ByteBudget } from "../../stream/sync/byte-budget.ts";
import type { TimeSlicer } from "../../stream/sync/time-slicer.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import type { Cursor } from "../model/cursor.ts";
import {
  AT_END,
  createLogFollower,
  type LogChunk,
  type LogFollower,
  type SharedReads,
} from "../replay/log-follower.ts";
import type { ReplayStart } from "../replay/resume-point.ts";
import type { SessionUse } from "../session/session-registry.ts";
import type { Dialect } from "./repair/dialect.ts";
import { Faults } from "./faults.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { Message } from "./repair/repair-message.ts";
import { MessageList, type MessageListOptions } from "./client-view/message-list.ts";
import { type Frames, ProfileReader } from "./profile-reader.ts";
import { ProfileStream } from "./profile-stream.ts";
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
  /** Whether the client has the state that the run was posted with. */
  readonly hasPostedState?: boolean;
  /** Whether the client holds messages that the first run has to replace. */
  readonly isWarm?: boolean;
  /** See `ProfileStreamOptions`. */
  readonly smallChars?: number;
  /** Whether nothing more will come once everything stored is sent. */
  readonly isOver: IsOver;
}

/** What is asked at the end of what is known to be stored; afterwards what was stored until then is known. */
export type IsOver = () => boolean | Promise<boolean>;

/** Most characters of JSON in the messages of one stream. */
const MESSAGE_CHARS = 8 * 1024 * 1024;

/** A position in a raw log. */
export type RawPosition = Cursor & { readonly log: "raw" };

/** One reading of a session through the profile, with everything that it holds. */
export class Pass {
  readonly #use: SessionUse;
  readonly #start: ReplayStart;
  readonly #abort = new AbortController();
  readonly #release: () => void;
  readonly #turns: TimeSlicer;
  readonly #faults: Faults;
  /** Messages that the client has already, until `messages` has them. */
  #known: readonly Message[];
  /** Everything was sent, or read. */
  #isFinished = false;
  /** Frames of a chunk that were begun when it had been read, and were not sent. */
  #begun: { readonly first: Uint8Array<ArrayBuffer>; readonly frames: Frames } | null = null;
  readonly reader: LogFollower;
  readonly writer: FrameWriter = new FrameWriter();
  readonly messages: MessageList;
  readonly state: StateDocument | null;
  readonly profile: ProfileStream;
  readonly frames: ProfileReader;
  /** What was read beyond the position that was asked for. */
  #rest: LogChunk | null = null;

  constructor(
    use: SessionUse,
    options: ProfileSourceOptions,
    isSnapshot: boolean,
    {
      isUnbounded = false,
      listOf = (list) => new MessageList(list),
    }: {
      readonly isUnbounded?: boolean;
      /** Makes the list that follows the messages. */
      readonly listOf?: (options: MessageListOptions) => MessageList;
    } = {},
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
    this.messages = listOf({ limitChars: MESSAGE_CHARS, room });
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
      hasPostedState: options.hasPostedState ?? false,
      isUnbounded,
      onFault: this.#faults.report,
      ...(this.state && { state: this.state }),
      ...(options.smallChars !== undefined && { smallChars: options.smallChars }),
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
    let position: RawPosition | null = null;
    await this.#beginMuted();
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

  /**
   * As `readHistory` up to a position, also where messages or state cannot be known exactly. In the same log a later call may
   * go on to a later position.
   */
  async readUpTo({ log, offset }: Cursor): Promise<void> {
    await this.#beginMuted();
    while (!this.signal.aborted) {
      const chunk = this.#rest ?? (await this.reader.poll());
      this.#rest = null;
      if (chunk === AT_END) return;
      // what was read so far must not be taken for the whole
      if (chunk === null) throw new RunlogError("log-not-found", "The log was deleted");
      const { bytes, end, place, start } = chunk;
      // the compact log is read before the raw one
      if (log === "compact" && place.log === "raw") return;
      const surplus = place.log === log ? Math.max(0, end - offset) : 0;
      const part = bytes.subarray(0, Math.max(0, bytes.length - surplus));
      const left = bytes.subarray(part.length);
      if (left.length > 0) this.#rest = { ...chunk, start: start + part.length, bytes: left };
      await this.frames.feed({ ...chunk, bytes: part, end: start + part.length }).next();
      if (place.log === log && end >= offset) return;
    }
  }

  async #beginMuted(): Promise<void> {
    this.writer.isMuted = true;
    await this.#learnKnown();
  }

  async #learnKnown(): Promise<void> {
    const known = this.#known;
    this.#known = [];
    if (known.length > 0) await inTurns(this.messages.mergeInSteps(known), this.#turns);
  }

  /**
   * Reads what is stored without sending it, up to the frame with this id: `emitAll` sends what follows
   * it. Resolves with whether there is such a frame, and it is known what the client makes of the next.
   */
  async skipTo(id: string, isOver: IsOver): Promise<boolean> {
    let isKnown = false;
    this.writer.skipTo(id, () => {
      isKnown = !this.profile.hasHeldBack;
    });
    await this.#learnKnown();
    while (this.writer.isSkipping && !this.profile.isDone && !this.signal.aborted) {
      const { chunk, isLast } = await this.#poll(isOver);
      if (chunk === null) break;
      const frames = chunk === AT_END ? this.#atEnd(isLast) : this.frames.feed(chunk);
      const { value } = await frames.next();
      // what else is made of the same bytes is to be sent
      if (value) this.#begun = { first: value, frames };
      if (chunk === AT_END) break;
    }
    return isKnown;
  }

  /** Sends everything from the pass's position to its end. */
  async *emitAll(isOver: IsOver): Frames {
    const { log } = this.#use.session;
    await this.#learnKnown();
    if (this.#begun) {
      yield this.#begun.first;
      yield* this.#begun.frames;
      this.#begun = null;
    }
    while (!this.signal.aborted && !this.profile.isDone && !this.#isFinished) {
      const seen = log.changes;
      const { chunk, isLast } = await this.#poll(isOver);
      if (chunk === null) return;
      yield* chunk === AT_END ? this.#atEnd(isLast) : this.frames.feed(chunk);
      if (chunk === AT_END && !isLast) await log.grown(this.signal, seen);
    }
  }

  /** The next chunk, or the end of what is stored, and whether nothing more will come. */
  async #poll(
    isOver: IsOver,
  ): Promise<{ readonly chunk: LogChunk | typeof AT_END | null; readonly isLast: boolean }> {
    const chunk = await this.reader.poll();
    if (chunk !== AT_END || !(await isOver())) return { chunk, isLast: false };
    // read again: events that were stored before a run ended are sent before the end of the stream
    return { chunk: await this.reader.poll(), isLast: true };
  }

  /** The end of what is stored: with `isLast` that of the stream. */
  async *#atEnd(isLast: boolean): Frames {
    yield* this.frames.caughtUp();
    this.#isFinished = isLast;
    if (isLast) yield* this.frames.finish();
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
