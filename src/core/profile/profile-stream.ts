import { andThen, eachThen, laterIf, type Rest, type Steps } from "../../stream/sync/steps.ts";
import { isOfRuns, nextSpan, NO_RUN_OPEN, resolveRun, type RunSpan } from "../model/run-span.ts";
import { RUN_INPUT } from "../model/server-events.ts";
import { SeenRuns } from "./client-view/seen-runs.ts";
import { HeldEvents, type HeldRange, type LineRange } from "./held-events.ts";
import { Interrupts } from "./interrupts.ts";
import { MessageDelivery } from "./message-delivery.ts";
import { OnlyRun } from "./only-run.ts";
import { type EventPlace, PassThrough } from "./pass-through.ts";
import { isMarker, isRunInput, OwnNames } from "./posted-state.ts";
import type { LargeEvent, ProfileStreamOptions } from "./profile-options.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";
import { inputMessages, type RunIds } from "./repair/repair-run-started.ts";
import { SubagentTags } from "./repair/subagent-tags.ts";
import { RunBoundary } from "./run-boundary.ts";
import { rawEvent, RunItems } from "./run-events.ts";
import type { ProfileParts } from "./saved-profile.ts";
import { type Pushed, runIdOf, type StartingRun } from "./starting-run.ts";
import { Undelivered } from "./undelivered.ts";

/** Messages of migrated legacy logs have the id of a run that never begins. */
const MIGRATION_RUN = "legacy-migration";

/**
 * Turns the lines of a session's log, in order, into a stream that clients of AG-UI accept
 * (PROTOCOL 11): each run from its RUN_STARTED to one terminal, everything opened closed, nothing
 * between runs. Lines that need no change are sent as they are stored.
 *
 *                 RUN_STARTED              begin()
 *     between runs ---------> StartingRun ---------> open <---------------.
 *          ^                                         |  |                 | another event of it
 *          |   RUN_FINISHED, or another run begins   |  | RUN_ERROR       |
 *          |-----------------------------------------'  '-----------> failed
 *          |                                                             |
 *          '-------------------------------------------------------------'
 *                          another run begins, or the stream ends
 *
 * - Between runs events are held until the run that they wait for begins; in a run those that other
 *   runs' callers said.
 * - Which run begins and ends is decided here; `RunBoundary` sends what begins and ends it, `PassThrough`
 *   what comes in between, `MessageDelivery` the messages that no event delivers.
 *
 * It keeps the open items of a run, the messages that the client has (`MessageList`), the places of
 * held events, and the ids of runs, each within a bound, and no line but those that end a run. What
 * takes long is returned as a `Rest`, which the owner completes in steps before its next call.
 */
export class ProfileStream {
  readonly #options: ProfileStreamOptions;
  readonly #held = new HeldEvents();
  readonly #seen = new SeenRuns();
  readonly #names = new OwnNames();
  readonly #only: OnlyRun | null;
  readonly #delivery: MessageDelivery;
  readonly #boundary: RunBoundary;
  readonly #events: PassThrough;
  /** The items of the open run. */
  readonly items: RunItems;
  readonly undelivered: Undelivered;
  readonly interrupts: Interrupts = new Interrupts();
  /** Which runs the log has open; set by who goes on where another stream was between two runs. */
  span: RunSpan = NO_RUN_OPEN;
  /** Where the latest RUN_STARTED line begins. */
  #runStart = 0;
  /** The run that the line which is being pushed begins. */
  #starting: StartingRun | null = null;
  /**
   * The events that the added run which sends the rest repeats before its end; null in any other run.
   */
  #again: readonly ParsedEvent[] | null = null;

  constructor(options: ProfileStreamOptions) {
    this.#options = options;
    const { dialect, messages, state, writer, smallChars } = options;
    const tags = new SubagentTags();
    const emit = (line: ParsedEvent): undefined => {
      writer.event(line);
    };
    const undelivered = new Undelivered(options.onFault);
    this.undelivered = undelivered;
    this.#only = options.onlyRun === undefined ? null : new OnlyRun(options.onlyRun);
    const delivery = new MessageDelivery({
      dialect,
      messages,
      tags,
      writer,
      undelivered,
      ...(smallChars !== undefined && { smallChars }),
    });
    this.#delivery = delivery;
    this.items = new RunItems({
      dialect,
      messages,
      tags,
      delivery,
      emit: (line) => {
        const type = line.text("type") ?? "";
        this.#events.sent(type);
        return andThen(
          undelivered.attempt(type, () => state?.apply(type, line)),
          () => emit(line),
        );
      },
      onFault: (error, type) => undelivered.failed(error, type),
    });
    const parts = { delivery, items: this.items, interrupts: this.interrupts, undelivered, emit };
    this.#boundary = new RunBoundary({
      ...options,
      ...parts,
      isWarm: this.isWarm,
      onOver: () => this.#only?.over(),
    });
    this.#events = new PassThrough({ ...options, ...parts, boundary: this.#boundary });
  }

  /** The run that is open, or null. */
  get openRun(): RunIds | null {
    return this.#boundary.open;
  }

  /** Where the line begins that began the open run; null if no run is open. */
  get openRunStart(): number | null {
    return this.openRun ? this.#runStart : null;
  }

  /** Whether the open run has a RUN_ERROR as its last event so far. */
  get isFailed(): boolean {
    return this.#boundary.isFailed;
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
    const { open, isEnding } = this.#boundary;
    return open !== null && !isEnding && this.items.isOpenFor(type, id);
  }

  /** What it knows between two runs, beside its interrupts, and what was not delivered (`saved-profile.ts`). */
  get parts(): ProfileParts {
    return {
      delivery: this.#delivery,
      events: this.#events,
      held: this.#held,
      names: this.#names,
      seen: this.#seen,
    };
  }

  /** Whether a client that was sent the same at other times may have other items open. */
  get hasHeldBack(): boolean {
    return this.#delivery.hasHeldBack;
  }

  get hiddenMessages(): Iterable<string> {
    return this.#events.hiddenMessages;
  }

  /**
   * Takes the next line of the log; `cursor` is the position after it. Whatever the line contains,
   * the stream goes on: a line over which something fails is sent as RAW.
   */
  push(line: ParsedEvent, range: LineRange, cursor: string): Pushed {
    const rest = this.#guard(line, (type) =>
      andThen(this.#boundary.pass(), () => this.#push(type, line, range, cursor)),
    );
    return rest ? this.#startingAfter(rest) : this.#takeStarting();
  }

  *#startingAfter(rest: Steps): Steps<StartingRun | null> {
    yield* rest;
    return this.#takeStarting();
  }

  #takeStarting(): StartingRun | null {
    const starting = this.#starting;
    this.#starting = null;
    return starting;
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
  ): Pushed {
    const isOpen = this.openRun !== null;
    if (this.#only?.concerns(resolveRun(this.span, runId), isOpen) === false) return null;
    if (type === "RUN_FINISHED") this.interrupts.lose();
    this.undelivered.large(type, id);
    return this.push(line, range, cursor);
  }

  #push(type: string, line: ParsedEvent, range: LineRange, cursor: string): Rest {
    const isForeign = this.#names.isForeign(type, line);
    if (type === "RUN_STARTED" && runIdOf(line) !== this.openRun?.runId)
      this.#runStart = range.start;
    if (isOfRuns({ type })) return this.#pushOfRuns(type, line, cursor);
    const runId = resolveRun(this.span, runIdOf(line));
    if (this.#only?.concerns(runId, this.openRun !== null) === false) return undefined;
    if (!isForeign && isMarker(type, line)) return undefined;
    const isInput = !isForeign && isRunInput(type, line);
    if (this.#isHeld(isInput ? RUN_INPUT : type, runId)) {
      this.#hold(isInput ? RUN_INPUT : type, range, runId);
      return undefined;
    }
    if (this.#belongs(runId)) this.#boundary.goOn();
    this.#options.writer.cursor = cursor;
    const place = this.#placeOf(line, cursor);
    return isInput ? this.#events.takeInput(line, place) : this.#events.take(type, line, place);
  }

  /**
   * Takes a line that begins or ends a run; which run that is depends on the log alone (`RunSpan`).
   */
  #pushOfRuns(type: string, line: ParsedEvent, cursor: string): Rest {
    const event = { type, runId: runIdOf(line), runnerRunId: line.text("runnerRunId") };
    const step = nextSpan(this.span, event);
    this.span = step.span;
    if (this.#only?.takes(type, step, this.openRun !== null) === false) return undefined;
    const begun = type === "RUN_STARTED" ? this.#startAt(line, step.runId) : undefined;
    return andThen(begun, () => {
      this.#options.writer.cursor = cursor;
      const isEnd = type !== "RUN_STARTED" && (step.endsAll || this.#belongs(step.runId));
      const isLast = this.#only !== null;
      return isEnd && this.openRun ? this.#boundary.terminal(type, line, { isLast }) : undefined;
    });
  }

  #startAt(line: ParsedEvent, runId: string): Rest {
    const { openRun } = this;
    // where only one run is sent, lines that name no run belong to it
    const isSame = openRun !== null && this.#only !== null;
    if (isSame || openRun?.runId === runId) {
      this.#boundary.goOn();
      return laterIf(line.isLong || this.#delivery.isLong, this.#mergeInput(line));
    }
    this.#starting = this.#startingRun(line, runId);
    return openRun ? this.#boundary.cutOff() : undefined;
  }

  /**
   * Takes over messages of a run's input that the client does not have, where the run has begun
   * without them.
   */
  *#mergeInput(line: ParsedEvent): Steps {
    yield* this.#delivery.mergeUnknown(yield* inputMessages(line, this.#options.dialect));
    const flushed = this.#delivery.afterChange();
    if (flushed) yield* flushed;
  }

  #startingRun(line: ParsedEvent, named: string): StartingRun {
    const runId = named || line.text("runId") || line.text("run_id") || "runlog-unnamed";
    const run = { runId, threadId: this.#threadOf(line) };
    let input: ParsedEvent | null = null;
    return {
      takeHeldSnapshots: () => this.#held.take(runId, ["snapshot"]),
      takeHeldEvents: () => this.#held.take(runId, ["input", "event"]),
      inject: (held) => {
        if (held.text("type") !== "CUSTOM") return this.#inject(held);
        if (runIdOf(held) === runId) input = held.copy();
        return undefined;
      },
      begin: () => {
        this.#seen.add(runId);
        const isAdded = this.#again !== null;
        return andThen(this.#boundary.begin(line, run, { input, isAdded }), () => {
          const leftOut = this.#held.takeLeftOut() + this.#delivery.takeLeftOut();
          if (leftOut > 0) this.#boundary.custom("runlog:left-out", { count: leftOut });
          return undefined;
        });
      },
    };
  }

  #inject(line: ParsedEvent): Rest {
    // the client that posted the run has its messages, perhaps without later additions
    const hasOwn = this.#only !== null;
    return this.undelivered.attempt("MESSAGES_SNAPSHOT", () =>
      line.kind("messages") === "array"
        ? this.#delivery.merge(line, { isOwn: false, hasOwn })
        : undefined,
    );
  }

  /** The end of the log, as far as it is known, was reached; events from here on are live. */
  caughtUp(): Rest {
    return this.#boundary.caughtUp();
  }

  /**
   * The first half of the end of the stream: begins a run that sends the rest, if there is any and no
   * run is open. Afterwards the owner feeds all that is held.
   */
  prepareEnd(): StartingRun | null {
    const isLeft = !this.#held.isEmpty || this.#delivery.isBehind;
    if (this.openRun || !isLeft || this.#only) return null;
    this.#held.giveToNext();
    this.#again = this.interrupts.customs;
    const runId = `runlog-${crypto.randomUUID()}`;
    return this.#startingRun(ParsedEvent.of({ type: "RUN_STARTED", runId }), runId);
  }

  /** Removes and returns everything that is held, for the last run to send. */
  takeRest(): HeldRange[] {
    return [...this.#held.take(null, ["snapshot"]), ...this.#held.take(null, ["input", "event"])];
  }

  /** Takes a line that was held, in the open run. */
  pushHeld(line: ParsedEvent, { kind }: HeldRange, cursor: string): Rest {
    return this.#guard(line, (type) => {
      const place = this.#placeOf(line, cursor);
      if (kind === "input") return this.#events.takeInput(line, place);
      // it comes as an input as well
      if (kind === "snapshot" && type === "CUSTOM") return undefined;
      return this.#events.take(type, line, place);
    });
  }

  /** Ends the stream: ends the open run. */
  end({ isOwn }: { readonly isOwn: boolean }): Rest {
    if (!this.openRun) return undefined;
    return andThen(this.#delivery.flush(), () => {
      if (!isOwn) return this.#boundary.fail();
      // a client forgets with each run what the session waits for
      const again = eachThen(this.#again ?? [], (line) => this.items.take("CUSTOM", line));
      return andThen(again, () => this.#boundary.finish(this.interrupts.finished()));
    });
  }

  /** A snapshot was sent: the client has all messages. */
  snapshotSent(): void {
    this.#boundary.setCold();
    this.#delivery.clear();
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

  #isHeld(type: string, runId: string): boolean {
    if (type === RUN_INPUT && this.openRun) return !this.#belongs(runId);
    if (this.#options.isUnbounded) return false;
    if (!this.openRun) return true;
    // posted messages of a queued run wait for that run
    const isSaid = type === "MESSAGES_SNAPSHOT" || type === "RAW";
    return isSaid && !this.#belongs(runId) && !this.#seen.has(runId);
  }

  #ownerOf(runId: string): string | null {
    const isOver = runId === "" || this.#seen.has(runId);
    return isOver || runId === MIGRATION_RUN ? null : runId;
  }

  #threadOf(line: ParsedEvent): string {
    const { clientThreadId, threadId } = this.#options;
    return clientThreadId ?? line.text("threadId") ?? line.text("thread_id") ?? threadId;
  }

  #belongs(runId: string): boolean {
    return runId === "" || runId === this.openRun?.runId;
  }

  #placeOf(line: ParsedEvent, cursor: string): EventPlace {
    const isOwn = this.openRun !== null && this.#belongs(resolveRun(this.span, runIdOf(line)));
    return { cursor, isOwn };
  }

  /** Processes a line; where that fails the line is sent as RAW. */
  #guard(line: ParsedEvent, deal: (type: string) => Rest): Rest {
    const type = line.text("type") ?? "";
    return this.undelivered.attempt(
      type,
      () => deal(type),
      () => {
        const isTerminal = type === "RUN_FINISHED" || type === "RUN_ERROR";
        if (isTerminal && this.openRun) return this.#boundary.finish();
        if (this.openRun || this.#options.isUnbounded) this.#options.writer.event(rawEvent(line));
        return undefined;
      },
    );
  }
}
