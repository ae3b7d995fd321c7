import { andThen, laterIf, type Rest, type Steps } from "../../stream/sync/steps.ts";
import type { Interrupts } from "./interrupts.ts";
import type { MessageDelivery } from "./message-delivery.ts";
import { postedInput } from "./posted-state.ts";
import type { ProfileStreamOptions } from "./profile-options.ts";
import { MAX_EVENT_BYTES } from "./repair/max-event-bytes.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";
import { inputMessages, repairRunStarted, type RunIds } from "./repair/repair-run-started.ts";
import type { RunItems } from "./run-events.ts";
import { SyntheticEvents } from "./synthetic-events.ts";
import type { Undelivered } from "./undelivered.ts";

export interface RunBoundaryOptions extends Pick<ProfileStreamOptions, "dialect" | "threadId"> {
  readonly isWarm: boolean;
  readonly delivery: MessageDelivery;
  readonly items: RunItems;
  readonly interrupts: Interrupts;
  readonly undelivered: Undelivered;
  readonly emit: (line: ParsedEvent) => undefined;
  /** Called when a run has been sent to its end. */
  readonly onOver: () => void;
}

/** How a run begins. */
export interface RunBeginning {
  /** What the run was posted with, or null. */
  readonly input: ParsedEvent | null;
  /** Whether the session still waits for what it waited for before: a run that the server adds. */
  readonly isAdded: boolean;
}

/**
 * What begins and ends the runs of a stream: one at a time, each from its RUN_STARTED to one terminal.
 * The ends that are not certain wait here: a RUN_ERROR for whether its run goes on, and the RUN_FINISHED
 * of a live stream for whether more is stored, if the client still lacks messages that may not be sent
 * there (`MessageDelivery`).
 */
export class RunBoundary {
  readonly #options: RunBoundaryOptions;
  readonly #own: SyntheticEvents;
  #open: RunIds | null = null;
  /** A RUN_ERROR whose run may go on. */
  #failed: ParsedEvent | null = null;
  /** The last error of the run, which is its end if no other terminal comes. */
  #error: ParsedEvent | null = null;
  /** A RUN_FINISHED that waits. */
  #ending: ParsedEvent | null = null;
  #isWarm: boolean;

  constructor(options: RunBoundaryOptions) {
    this.#options = options;
    this.#own = new SyntheticEvents(options);
    this.#isWarm = options.isWarm;
  }

  /** The run that is open, or null. */
  get open(): RunIds | null {
    return this.#open;
  }

  /** Whether the open run has a RUN_ERROR as its last event so far. */
  get isFailed(): boolean {
    return this.#failed !== null;
  }

  /** Whether the open run has its RUN_FINISHED, which was not sent yet. */
  get isEnding(): boolean {
    return this.#ending !== null;
  }

  /** The client has been sent all messages: it has no others. */
  setCold(): void {
    this.#isWarm = false;
  }

  /** Sends a RUN_STARTED, with the messages that the client does not have. */
  begin(line: ParsedEvent, run: RunIds, beginning: RunBeginning): Rest {
    const { delivery, undelivered } = this.#options;
    const isLong = line.isLong || delivery.isLong;
    return undelivered.attempt(
      "RUN_STARTED",
      () => laterIf(isLong, this.#begin(line, run, beginning)),
      () => {
        this.#setOpen(run, beginning);
        return this.#emit(ParsedEvent.of({ type: "RUN_STARTED", ...run }));
      },
    );
  }

  *#begin(line: ParsedEvent, run: RunIds, beginning: RunBeginning): Steps {
    const { delivery, dialect, threadId } = this.#options;
    const posted = beginning.input ? yield* postedInput(beginning.input) : null;
    if (this.#isWarm) this.#own.resettingRun(threadId);
    this.#isWarm = false;
    const told = yield* delivery.takeForRun(yield* inputMessages(line, dialect));
    if (!told) {
      this.#setOpen(run, beginning);
      this.#emit(yield* repairRunStarted(line, run, { messages: [], posted, dialect }));
      const flushed = delivery.flushIfAllowed();
      if (flushed) yield* flushed;
      return;
    }
    const { earlier, before, own } = told;
    for (const part of earlier) yield* this.#own.runOf(run.threadId, part);
    this.#setOpen(run, beginning);
    const all = [...before, ...own];
    yield* delivery.seed(all, false);
    const started = yield* repairRunStarted(line, run, { messages: all, posted, dialect });
    if (started.bytes.length <= MAX_EVENT_BYTES) this.#emit(started);
    else {
      if (before.length > 0) yield* this.#own.runOf(run.threadId, before);
      this.#emit(yield* repairRunStarted(line, run, { messages: own, posted: null, dialect }));
    }
  }

  #setOpen(run: RunIds, { isAdded }: RunBeginning): void {
    const { delivery, interrupts, items } = this.#options;
    this.#open = run;
    items.clear(run.runId);
    if (!isAdded) interrupts.clear();
    delivery.beginRun();
  }

  /** The run goes on after its error, which therefore did not end it. */
  goOn(): void {
    const failed = this.#failed;
    this.#failed = null;
    if (failed) this.#own.errorWithin(failed);
  }

  /** Takes a terminal of the open run. */
  terminal(type: string, line: ParsedEvent, { isLast }: { readonly isLast: boolean }): Rest {
    const { delivery, interrupts } = this.#options;
    this.goOn();
    if (type === "RUN_ERROR") {
      // a copy: it may be sent long after its chunk has gone
      const kept = line.copy();
      this.#error = kept;
      this.#failed = kept;
      return undefined;
    }
    interrupts.take(type, line);
    return andThen(isLast ? delivery.flush() : delivery.beforeEnd(), () => {
      if (!delivery.isLive || !delivery.isBehind) return this.finish(line);
      this.#ending = line.copy();
      return undefined;
    });
  }

  /** More is stored than the end of the run, if that waits. */
  pass(): Rest {
    return this.#ending ? this.finish(this.#ending) : undefined;
  }

  /** Everything stored was sent: the client gets what it lacks, and the end of the run that waits. */
  caughtUp(): Rest {
    const flushed = this.#options.delivery.caughtUp({ isOpen: this.#open !== null });
    return andThen(flushed, () => this.pass());
  }

  /** Sends the end of the open run: a RUN_FINISHED, with the members of the log's if there is one. */
  finish(line?: ParsedEvent): Rest {
    return andThen(this.#options.items.closeAll(), () => {
      if (this.#open) this.#own.finished(this.#open, line);
      return this.#over();
    });
  }

  /** Ends a run that has no terminal but, at best, an error; the stream goes on after it. */
  cutOff(): Rest {
    return andThen(this.#options.delivery.beforeEnd(), () => {
      if (this.#options.dialect === "1.0") return this.fail();
      if (this.#failed || !this.#error) this.#own.errorWithin(this.#error);
      return this.finish();
    });
  }

  /** Ends a run by its error, or as one that was cut off. */
  fail(): undefined {
    if (this.#open) this.#own.failed(this.#open, this.#error);
    return this.#over();
  }

  /** Sends a CUSTOM event of the server's own. */
  custom(name: string, value: unknown): void {
    this.#own.custom(name, value);
  }

  #over(): undefined {
    this.#open = null;
    this.#failed = null;
    this.#error = null;
    this.#ending = null;
    this.#options.items.clear();
    this.#options.onOver();
  }

  #emit(line: ParsedEvent): undefined {
    return this.#options.emit(line);
  }
}
