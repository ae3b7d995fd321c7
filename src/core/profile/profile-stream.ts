/* oxlint-disable max-lines -- one state machine: what a run is follows from all that came before it */
import { isSameJson } from "../model/exact-json.ts";
import { fitsCapture } from "../../stream/json/json-scan.ts";
import {
  andThen,
  eachInSteps,
  eachThen,
  laterIf,
  type Rest,
  type Steps,
} from "../../stream/sync/steps.ts";
import { isOfRuns, nextSpan, NO_RUN_OPEN, resolveRun, type RunSpan } from "../model/run-span.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";
import { MAX_EVENT_BYTES } from "./repair/max-event-bytes.ts";
import type { Message } from "./repair/repair-message.ts";
import { HeldEvents, type HeldRange, type LineRange } from "./held-events.ts";
import { Interrupts } from "./interrupts.ts";
import { SyntheticEvents } from "./synthetic-events.ts";
import { OnlyRun } from "./only-run.ts";
import { isMarker, isRunInput, OwnNames, postedInput, postedState } from "./posted-state.ts";
import { readMessages } from "./repair/read-messages.ts";
import type { LargeEvent, ProfileStreamOptions } from "./profile-options.ts";
import { hiddenMessageOf, rawEvent, RunItems } from "./run-events.ts";
import { inputMessages, repairRunStarted, type RunIds } from "./repair/repair-run-started.ts";
import { RUN_INPUT } from "../model/server-events.ts";
import { SeenRuns } from "./client-view/seen-runs.ts";
import { PendingMessages } from "./client-view/pending-messages.ts";
import { Undelivered } from "./undelivered.ts";

/** Messages of migrated legacy logs have the id of a run that never begins. */
const MIGRATION_RUN = "legacy-migration";
const MAX_HIDDEN = 10_000;

/**
 * Turns the lines of a session's log, in order, into a stream that clients of AG-UI accept
 * (PROTOCOL 11): each run from its RUN_STARTED to one terminal, everything opened closed, nothing
 * between runs. Lines that need no change are sent as they are stored.
 *
 * It is in one of these states:
 *
 * - between runs (`openRun` is null): events are held until the run that they wait for begins;
 * - starting (`starting`): a RUN_STARTED was pushed. Its owner feeds the held snapshots to
 *   `inject`, calls `start`, and pushes the other held lines;
 * - in a run (`openRun`): events of the run are sent, messages of other runs are held;
 * - failed (`isFailed`): the open run has a RUN_ERROR, which ends it unless it goes on.
 *
 * It keeps the open items of a run, the messages that the client has (`MessageList`), the places of
 * held events, and the ids of runs, each within a bound, and no line. After `push` its owner has to
 * check `starting`. What takes long is returned as a `Rest`, which the owner completes in steps
 * before its next call.
 */
export class ProfileStream {
  readonly #options: ProfileStreamOptions;
  readonly #held = new HeldEvents();
  readonly #seen = new SeenRuns();
  readonly #items: RunItems;
  readonly #pending: PendingMessages;
  readonly #own: SyntheticEvents;
  readonly #hidden = new Set<string>();
  readonly #only: OnlyRun | null;
  readonly undelivered: Undelivered;
  readonly interrupts: Interrupts = new Interrupts();
  #span: RunSpan = NO_RUN_OPEN;
  #run: RunIds | null = null;
  #starting: ParsedEvent | null = null;
  #startingId = "";
  /** Where the latest RUN_STARTED line begins. */
  #runStart = 0;
  /** What the starting run was posted with. */
  #input: ParsedEvent | null = null;
  readonly #names = new OwnNames();
  /** Whether any event has set the client's state, so that it may be another than it began with. */
  #isStateSet = false;
  /**
   * The events that the synthetic run which sends the rest repeats before its end; null in any
   * other run.
   */
  #again: readonly ParsedEvent[] | null = null;
  /** A RUN_ERROR whose run may go on. */
  #failed: ParsedEvent | null = null;
  /** The last error of the run, which is its end if no other terminal comes. */
  #error: ParsedEvent | null = null;
  #isLive = false;
  #isWarm: boolean;

  constructor(options: ProfileStreamOptions) {
    this.#options = options;
    this.#isWarm = options.isWarm ?? false;
    const { dialect, messages, state } = options;
    this.undelivered = new Undelivered(options.onFault);
    this.#only = options.onlyRun === undefined ? null : new OnlyRun(options.onlyRun);
    this.#pending = new PendingMessages(messages);
    this.#own = new SyntheticEvents({ dialect, emit: (line) => this.#emit(line) });
    this.#items = new RunItems({
      dialect,
      messages,
      emit: (line) => {
        const type = line.text("type") ?? "";
        this.#isStateSet ||= type === "STATE_SNAPSHOT" || type === "STATE_DELTA";
        const followed = this.undelivered.attempt(type, () => state?.apply(type, line));
        return andThen(followed, () => this.#emit(line));
      },
      beforeMessage: (id, isNew) =>
        this.#pending.isMissing(id, isNew) ? this.#flush() : undefined,
      beforeCall: () => (this.#pending.isRearranged ? this.#flush() : undefined),
      onStale: (isRearranged) => this.#pending.setStale(isRearranged),
      onUnsendable: (id, isNew) => this.#pending.setUnsendable(id, isNew),
      onFault: (error, type) => this.undelivered.failed(error, type),
    });
  }

  /** Whether a RUN_STARTED waits for `start`. */
  get starting(): boolean {
    return this.#starting !== null;
  }

  /** The run that is open, or null. */
  get openRun(): RunIds | null {
    return this.#run;
  }

  /** Where the line begins that began the open run; null if no run is open. */
  get openRunStart(): number | null {
    return this.#run ? this.#runStart : null;
  }

  /** Whether the open run has a RUN_ERROR as its last event so far. */
  get isFailed(): boolean {
    return this.#failed !== null;
  }

  /** Whether the client may hold messages and state that nothing has replaced yet. */
  get isWarm(): boolean {
    return this.#options.isWarm ?? false;
  }

  /** Whether the one run that is sent has its terminal. */
  get isDone(): boolean {
    return this.#only?.isDone ?? false;
  }

  /** Whether a delta of this type can be sent for this item now. */
  canContinue(type: string, id: string): boolean {
    return this.#run !== null && this.#items.isOpenFor(type, id);
  }

  get hiddenMessages(): Iterable<string> {
    return this.#hidden;
  }

  /** The items of the open run. */
  get items(): RunItems {
    return this.#items;
  }

  /**
   * Takes the next line of the log; `cursor` is the position after it. Whatever the line contains,
   * the stream goes on: a line over which something fails is sent as RAW.
   */
  push(line: ParsedEvent, range: LineRange, cursor: string): Rest {
    return this.#guard(line, (type) => this.#push(type, line, range, cursor));
  }

  /**
   * As `push`, for an event that is too large to be sent; `line` is the event that is sent in place
   * of it.
   */
  pushLarge(
    { type, id, runId }: LargeEvent,
    line: ParsedEvent,
    range: LineRange,
    cursor: string,
  ): Rest {
    const isOpen = this.#run !== null;
    if (this.#only?.concerns(resolveRun(this.#span, runId), isOpen) === false) return undefined;
    if (type === "RUN_FINISHED") this.interrupts.lose();
    this.undelivered.large(type, id);
    return this.push(line, range, cursor);
  }

  #push(type: string, line: ParsedEvent, range: LineRange, cursor: string): Rest {
    const isForeign = this.#names.isForeign(type, line);
    if (type === "RUN_STARTED" && runIdOf(line) !== this.#run?.runId) this.#runStart = range.start;
    if (isOfRuns({ type })) return this.#pushOfRuns(type, line, cursor);
    const runId = resolveRun(this.#span, runIdOf(line));
    const { writer } = this.#options;
    if (this.#only?.concerns(runId, this.#run !== null) === false) return undefined;
    const isMark = !isForeign && isMarker(type, line);
    if (isMark) return undefined;
    const isInput = !isForeign && isRunInput(type, line);
    if (this.#isHeld(isInput ? RUN_INPUT : type, runId)) {
      this.#hold(isInput ? RUN_INPUT : type, range, runId);
      return undefined;
    }
    if (this.#belongs(runId)) this.#goOn();
    writer.cursor = cursor;
    if (isInput) return this.#takeInput(line, cursor);
    return this.#take(type, line, cursor);
  }

  #hold(type: string, range: LineRange, runId: string): void {
    if (type === RUN_INPUT) {
      // it is of this run alone, also if one of its id has been there before
      this.#held.hold(range, runId, "snapshot");
      this.#held.hold(range, runId, "input");
    } else {
      const kind = type === "MESSAGES_SNAPSHOT" ? "snapshot" : "event";
      this.#held.hold(range, this.#ownerOf(runId), kind);
    }
  }

  /**
   * Takes a line that begins or ends a run; which run that is depends on the log alone (`RunSpan`).
   */
  #pushOfRuns(type: string, line: ParsedEvent, cursor: string): Rest {
    const event = { type, runId: runIdOf(line), runnerRunId: line.text("runnerRunId") };
    const step = nextSpan(this.#span, event);
    this.#span = step.span;
    if (this.#only?.takes(type, step, this.#run !== null) === false) return undefined;
    const begun = type === "RUN_STARTED" ? this.#startAt(line, step.runId) : undefined;
    return andThen(begun, () => {
      this.#options.writer.cursor = cursor;
      const isEnd = type !== "RUN_STARTED" && (step.endsAll || this.#belongs(step.runId));
      return isEnd && this.#run ? this.#terminal(type, line) : undefined;
    });
  }

  /** Removes and returns what is held for the RUN_STARTED of the starting run: messages, its input. */
  takeHeldSnapshots(): HeldRange[] {
    return this.#held.take(this.#startingId, ["snapshot"]);
  }

  /** Removes and returns the other held lines of the open run. */
  takeHeldEvents(): HeldRange[] {
    return this.#held.take(this.#run?.runId ?? null, ["input", "event"]);
  }

  /** Takes a held snapshot of messages, or an input, which the run's RUN_STARTED sends. */
  inject(line: ParsedEvent): Rest {
    if (line.text("type") === "CUSTOM") {
      if (runIdOf(line) === this.#startingId) this.#input = line.copy();
      return undefined;
    }
    // the client that posted the run has its messages, perhaps without later additions
    const hasOwn = this.#only !== null;
    return this.undelivered.attempt("MESSAGES_SNAPSHOT", () =>
      line.kind("messages") === "array" ? this.#merge(line, { isOwn: false, hasOwn }) : undefined,
    );
  }

  /** Sends the waiting RUN_STARTED, with the messages that the client does not have. */
  start(): Rest {
    const line = this.#starting;
    if (!line) return undefined;
    const run = {
      runId: this.#startingId,
      threadId: this.#threadOf(line),
    };
    this.#starting = null;
    const started = this.undelivered.attempt(
      "RUN_STARTED",
      () => laterIf(line.isLong || this.#pending.isLong, this.#start(line, run)),
      () => {
        this.#begin(run);
        this.#emit(ParsedEvent.of({ type: "RUN_STARTED", ...run }));
        return undefined;
      },
    );
    return andThen(started, () => {
      const leftOut = this.#held.takeLeftOut() + this.#pending.takeLeftOut();
      if (leftOut > 0) this.#own.custom("runlog:left-out", { count: leftOut });
      return undefined;
    });
  }

  #begin(run: RunIds): void {
    this.#run = run;
    this.#seen.add(run.runId);
    this.#items.clear(run.runId);
    if (this.#again === null) this.interrupts.clear();
    this.#options.messages.beginRun();
  }

  *#start(line: ParsedEvent, run: RunIds): Steps {
    const { dialect, messages, threadId } = this.#options;
    const posted = this.#input ? yield* postedInput(this.#input) : null;
    this.#input = null;
    if (this.#isWarm) this.#own.resettingRun(threadId);
    this.#isWarm = false;
    // clients ignore a message that differs from a known one of its id
    const own: Message[] = [];
    yield* eachInSteps(yield* inputMessages(line, dialect), (message) => {
      const known = messages.find(message.id);
      if (known === null || isSameJson(known, message)) own.push(message);
    });
    if (this.#pending.cannotSend(own)) {
      yield* this.#pending.hold(yield* messages.addInSteps(own));
      this.#begin(run);
      this.#emit(yield* repairRunStarted(line, run, { messages: [], posted, dialect }));
      const flushed = this.#flush();
      if (flushed) yield* flushed;
      return;
    }
    const parts = yield* this.#pending.takePending();
    const before = parts.pop() ?? [];
    for (const part of parts) yield* this.#own.runOf(run.threadId, part);
    yield* messages.addInSteps(own);
    const ids = new Set<string>();
    yield* eachInSteps(before, ({ id }) => ids.add(id));
    const pending = [...before, ...own.filter(({ id }) => !ids.has(id))];
    yield;
    this.#begin(run);
    if (dialect === "1.0") yield* this.#seed(pending, false);
    const started = yield* repairRunStarted(line, run, { messages: pending, posted, dialect });
    if (started.bytes.length > MAX_EVENT_BYTES) {
      if (before.length > 0) yield* this.#own.runOf(run.threadId, before);
      this.#emit(yield* repairRunStarted(line, run, { messages: own, posted: null, dialect }));
    } else {
      this.#emit(started);
    }
  }

  /** The end of the log, as far as it is known, was reached; events from here on are live. */
  caughtUp(): Rest {
    this.#isLive = true;
    return this.#run ? this.#flush() : undefined;
  }

  /**
   * The first half of the end of the stream: begins a synthetic run that sends the rest, if there
   * is any and no run is open. Afterwards the owner does what `push` asks for, then feeds all that
   * is held.
   */
  prepareEnd(): void {
    const isLeft = !this.#held.isEmpty || this.#pending.isBehind;
    if (this.#run || !isLeft || this.#only) return;
    this.#held.giveToNext();
    this.#again = this.interrupts.customs;
    const runId = `runlog-${crypto.randomUUID()}`;
    this.#beginAt(ParsedEvent.of({ type: "RUN_STARTED", runId }), runId);
  }

  /** Removes and returns everything that is held, for the last run to send. */
  takeRest(): HeldRange[] {
    return [...this.#held.take(null, ["snapshot"]), ...this.#held.take(null, ["input", "event"])];
  }

  /** Takes a line that was held, in the open run. */
  pushHeld(line: ParsedEvent, { kind }: HeldRange, cursor: string): Rest {
    return this.#guard(line, (type) => {
      if (kind === "input") return this.#takeInput(line, cursor);
      // it comes as an input as well
      if (kind === "snapshot" && type === "CUSTOM") return undefined;
      return this.#take(type, line, cursor);
    });
  }

  /** Ends the stream: ends the open run. */
  end({ isOwn }: { readonly isOwn: boolean }): Rest {
    if (!this.#run) return undefined;
    return andThen(this.#flush(), () => {
      if (!isOwn) return this.#fail();
      // a client forgets with each run what the session waits for
      const again = eachThen(this.#again ?? [], (line) => this.#items.take("CUSTOM", line));
      return andThen(again, () => this.#finish(this.interrupts.finished()));
    });
  }

  /** A snapshot was sent: the client has all messages. */
  snapshotSent(): void {
    this.#isWarm = false;
    this.#pending.clear();
  }

  /** Whether messages that the client lacks have to be sent before the run ends. */
  get #isDue(): boolean {
    return this.#isLive || this.#pending.needsSnapshot;
  }

  #threadOf(line: ParsedEvent): string {
    const { clientThreadId, threadId } = this.#options;
    return clientThreadId ?? line.text("threadId") ?? line.text("thread_id") ?? threadId;
  }

  #belongs(runId: string): boolean {
    return runId === "" || runId === this.#run?.runId;
  }

  #isHeld(type: string, runId: string): boolean {
    if (type === RUN_INPUT && this.#run) return !this.#belongs(runId);
    if (this.#options.isUnbounded) return false;
    if (!this.#run) return true;
    // posted messages of a queued run wait for that run
    const isSaid = type === "MESSAGES_SNAPSHOT" || type === "RAW";
    return isSaid && !this.#belongs(runId) && !this.#seen.has(runId);
  }

  #ownerOf(runId: string): string | null {
    const isOver = runId === "" || this.#seen.has(runId);
    return isOver || runId === MIGRATION_RUN ? null : runId;
  }

  #startAt(line: ParsedEvent, runId: string): Rest {
    // where only one run is sent, lines that name no run belong to it
    const isSame = this.#run !== null && this.#only !== null;
    if (isSame || this.#run?.runId === runId) {
      this.#goOn();
      return this.#mergeInput(line);
    }
    const ended = this.#run ? this.#endRun() : undefined;
    return andThen(ended, () => {
      this.#beginAt(line, runId);
      return undefined;
    });
  }

  #beginAt(line: ParsedEvent, runId: string): void {
    this.#starting = line;
    this.#startingId = runId || line.text("runId") || line.text("run_id") || "runlog-unnamed";
  }

  /**
   * Takes over messages of a run's input that the client does not have, where the run has begun
   * without them.
   */
  #mergeInput(line: ParsedEvent): Rest {
    return laterIf(line.isLong || this.#pending.isLong, this.#mergeInputSteps(line));
  }

  *#mergeInputSteps(line: ParsedEvent): Steps {
    const { dialect, messages } = this.#options;
    const given = yield* inputMessages(line, dialect);
    const unknown = given.filter(({ id }) => messages.find(id) === null);
    if (unknown.length === 0) return;
    yield* this.#pending.merge(unknown, { isOwn: false });
    const flushed = this.#isLive ? this.#flush() : undefined;
    if (flushed) yield* flushed;
  }

  /** Takes over the messages of a MESSAGES_SNAPSHOT. */
  #merge(line: ParsedEvent, options: { readonly isOwn: boolean; readonly hasOwn?: boolean }): Rest {
    return laterIf(line.isLong, this.#mergeSteps(line, options));
  }

  *#mergeSteps(
    line: ParsedEvent,
    options: { readonly isOwn: boolean; readonly hasOwn?: boolean },
  ): Steps {
    const { dialect } = this.#options;
    const read = readMessages(line.bytes, line.valueStart("messages") ?? 0, { dialect });
    yield* this.#pending.merge((yield* read) ?? [], options);
  }

  /** The run goes on after its error, which therefore did not end it. */
  #goOn(): void {
    const failed = this.#failed;
    this.#failed = null;
    if (failed) this.#own.errorWithin(failed);
  }

  /** The client's state becomes what the run was posted with. */
  #takeInput(line: ParsedEvent, cursor: string): Rest {
    return laterIf(line.isLong, this.#takeInputSteps(line, cursor));
  }

  *#takeInputSteps(line: ParsedEvent, cursor: string): Steps {
    const { snapshot, isEmpty, leftOut } = yield* postedState(line);
    if (leftOut.length > 0 && this.#run) this.#own.custom(RUN_INPUT, { leftOut });
    if (this.#options.hasPostedState) return;
    if (leftOut.includes("state")) {
      this.#isStateSet = true;
      this.undelivered.large("STATE_SNAPSHOT", null);
    }
    if (!snapshot) return;
    if (isEmpty && !this.#isStateSet) return;
    const taken = this.#take("STATE_SNAPSHOT", snapshot, cursor);
    if (taken) yield* taken;
  }

  #take(type: string, line: ParsedEvent, cursor: string): Rest {
    const noted = type === "RAW" ? laterIf(line.isLong, this.#noteHidden(type, line)) : undefined;
    return andThen(noted, () => this.#takeNoted(type, line, cursor));
  }

  *#noteHidden(type: string, line: ParsedEvent): Steps {
    const hidden = yield* hiddenMessageOf(type, line);
    if (hidden !== null && this.#hidden.size < MAX_HIDDEN) this.#hidden.add(hidden);
  }

  #takeNoted(type: string, line: ParsedEvent, cursor: string): Rest {
    if (this.undelivered.isOfUnknown(type, line)) return this.#emit(rawEvent(line));
    // only a runner's is taken as an event
    if (isRunInput(type, line) || isMarker(type, line)) return this.#emit(rawEvent(line));
    this.interrupts.take(type, line);
    if (type !== "MESSAGES_SNAPSHOT") return this.#items.take(type, line);
    if (line.kind("messages") !== "array") return this.#emit(rawEvent(line));
    const isOwn = this.#run !== null && this.#belongs(resolveRun(this.#span, runIdOf(line)));
    return andThen(this.#merge(line, { isOwn }), () =>
      andThen(this.#items.closeChunks(), () =>
        andThen(this.#isLive ? this.#flush() : undefined, () => {
          // the change cannot be sent any more
          if (this.#options.messages.isOverflowed)
            this.#own.custom("runlog:large-event", { type, size: line.bytes.length, cursor });
          return undefined;
        }),
      ),
    );
  }

  /** Processes a line; where that fails the line is sent as RAW. */
  #guard(line: ParsedEvent, deal: (type: string) => Rest): Rest {
    const type = line.text("type") ?? "";
    return this.undelivered.attempt(
      type,
      () => deal(type),
      () => {
        const isTerminal = type === "RUN_FINISHED" || type === "RUN_ERROR";
        if (isTerminal && this.#run) return this.#finish();
        if (this.#run || this.#options.isUnbounded) this.#emit(rawEvent(line));
        return undefined;
      },
    );
  }

  #terminal(type: string, line: ParsedEvent): Rest {
    this.#goOn();
    if (type === "RUN_ERROR") {
      // a copy: it may be sent long after its chunk has gone
      const kept = line.copy();
      this.#error = kept;
      this.#failed = kept;
      return undefined;
    }
    this.interrupts.take(type, line);
    const flushed = this.#isDue || this.#only ? this.#flush() : undefined;
    return andThen(flushed, () => this.#finish(line));
  }

  #finish(line?: ParsedEvent): Rest {
    return andThen(this.#items.closeAll(), () => {
      if (this.#run) this.#own.finished(this.#run, line);
      this.#over();
      return undefined;
    });
  }

  /** Ends a run that has no terminal but, at best, an error; the stream goes on after it. */
  #endRun(): Rest {
    return andThen(this.#isDue ? this.#flush() : undefined, () => {
      if (this.#options.dialect === "1.0") return this.#fail();
      if (this.#failed || !this.#error) this.#own.errorWithin(this.#error);
      return this.#finish();
    });
  }

  #fail(): undefined {
    if (this.#run) this.#own.failed(this.#run, this.#error);
    this.#over();
  }

  #over(): void {
    this.#run = null;
    this.#failed = null;
    this.#error = null;
    this.#items.clear();
    this.#only?.over();
  }

  /** Sends all messages in one snapshot, if the client does not have them as they are. */
  #flush(): Rest {
    if (!this.#pending.isBehind) return undefined;
    return this.undelivered.attempt(
      "MESSAGES_SNAPSHOT",
      () => laterIf(this.#pending.isLong, this.#flushSteps()),
      () => {
        this.#options.messages.lose();
        return undefined;
      },
    );
  }

  *#flushSteps(): Steps {
    const { dialect, messages, writer } = this.#options;
    if (writer.isMuted && !messages.isOverflowed) {
      // what nobody is sent need not be made: each time it would be all messages of the session
      writer.count(messages.chars);
      if (dialect === "1.0") yield* this.#seed(messages.messages, true);
      this.#pending.clear();
      return;
    }
    const { lines, lists } = yield* this.#pending.takeSnapshot();
    if (dialect === "1.0") for (const list of lists) yield* this.#seed(list, true);
    yield* eachInSteps(lines, (line) => this.#emit(line));
  }

  #seed(messages: readonly Message[], isSnapshot: boolean): Steps {
    const { tags } = this.#items;
    return eachInSteps(messages, (message) => tags.seed([message], isSnapshot));
  }

  #emit(line: ParsedEvent): undefined {
    this.#options.writer.event(line);
  }
}

/** The id of a run that a line names; null if it is too long to be known by. */
function runIdOf(line: ParsedEvent): string | null {
  const runId = line.text("runId") ?? line.text("run_id");
  return runId === null || fitsCapture(runId) ? runId : null;
}
