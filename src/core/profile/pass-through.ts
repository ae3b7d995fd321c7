import { andThen, laterIf, type Rest, type Steps } from "../../stream/sync/steps.ts";
import { RUN_INPUT } from "../model/server-events.ts";
import { hiddenMessageOf } from "./hidden-message.ts";
import type { Interrupts } from "./interrupts.ts";
import type { MessageDelivery } from "./message-delivery.ts";
import { isMarker, isRunInput, postedState } from "./posted-state.ts";
import type { ProfileStreamOptions } from "./profile-options.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";
import { rawEvent, type RunItems } from "./run-events.ts";
import type { RunBoundary } from "./run-boundary.ts";
import type { Undelivered } from "./undelivered.ts";

export interface PassThroughOptions extends Pick<
  ProfileStreamOptions,
  "messages" | "hasPostedState"
> {
  readonly boundary: RunBoundary;
  readonly delivery: MessageDelivery;
  readonly items: RunItems;
  readonly interrupts: Interrupts;
  readonly undelivered: Undelivered;
  readonly emit: (line: ParsedEvent) => undefined;
}

/** Where an event stands. */
export interface EventPlace {
  /** The cursor after it. */
  readonly cursor: string;
  /** Whether it is of the open run. */
  readonly isOwn: boolean;
}

const MAX_HIDDEN = 10_000;

/** The events between the beginning and the end of a run, whatever their types. */
export class PassThrough {
  readonly #options: PassThroughOptions;
  readonly #hidden = new Set<string>();
  /** Whether any event has set the client's state, so that it may be another than it began with. */
  #isStateSet = false;

  constructor(options: PassThroughOptions) {
    this.#options = options;
  }

  /** Whether any event has set the client's state: all there is to save but whom to hide. */
  get saved(): boolean {
    return this.#isStateSet;
  }

  restore(saved: boolean): void {
    this.#isStateSet = saved;
  }

  /** The messages that clients were asked to hide. */
  get hiddenMessages(): Iterable<string> {
    return this.#hidden;
  }

  /** An event of this type was sent. */
  sent(type: string): void {
    this.#isStateSet ||= type === "STATE_SNAPSHOT" || type === "STATE_DELTA";
  }

  take(type: string, line: ParsedEvent, place: EventPlace): Rest {
    return andThen(this.#options.delivery.reach(), () => {
      const noted = type === "RAW" ? laterIf(line.isLong, this.#noteHidden(type, line)) : undefined;
      return andThen(noted, () => this.#take(type, line, place));
    });
  }

  #take(type: string, line: ParsedEvent, place: EventPlace): Rest {
    const { emit, interrupts, items, undelivered } = this.#options;
    if (undelivered.isOfUnknown(type, line)) return emit(rawEvent(line));
    // only a runner's is taken as an event
    if (isRunInput(type, line) || isMarker(type, line)) return emit(rawEvent(line));
    interrupts.take(type, line);
    if (type !== "MESSAGES_SNAPSHOT") return items.take(type, line);
    return line.kind("messages") === "array" ? this.#merge(line, place) : emit(rawEvent(line));
  }

  /** A snapshot of a run is not sent: what it changes is. */
  #merge(line: ParsedEvent, { cursor, isOwn }: EventPlace): Rest {
    const { boundary, delivery, items, messages } = this.#options;
    return andThen(delivery.merge(line, { isOwn }), () =>
      andThen(items.closeChunks(), () =>
        andThen(delivery.afterChange(), () => {
          const value = { type: "MESSAGES_SNAPSHOT", size: line.bytes.length, cursor };
          // the change cannot be sent any more
          if (messages.isOverflowed) boundary.custom("runlog:large-event", value);
          return undefined;
        }),
      ),
    );
  }

  /** The client's state becomes what the run was posted with. */
  takeInput(line: ParsedEvent, place: EventPlace): Rest {
    return laterIf(line.isLong, this.#takeInput(line, place));
  }

  *#takeInput(line: ParsedEvent, place: EventPlace): Steps {
    const { boundary, hasPostedState, undelivered } = this.#options;
    const { snapshot, isEmpty, leftOut } = yield* postedState(line);
    if (leftOut.length > 0 && boundary.open) boundary.custom(RUN_INPUT, { leftOut });
    if (hasPostedState) return;
    if (leftOut.includes("state")) {
      this.#isStateSet = true;
      undelivered.large("STATE_SNAPSHOT", null);
    }
    if (!snapshot) return;
    if (isEmpty && !this.#isStateSet) return;
    const taken = this.take("STATE_SNAPSHOT", snapshot, place);
    if (taken) yield* taken;
  }

  *#noteHidden(type: string, line: ParsedEvent): Steps {
    const hidden = yield* hiddenMessageOf(type, line);
    if (hidden !== null && this.#hidden.size < MAX_HIDDEN) this.#hidden.add(hidden);
  }
}
