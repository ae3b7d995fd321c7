import type { EventFacts } from "../../ports/runner-client.ts";
import { readFacts } from "../log/scan-event-facts.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { isOfRuns, isTerminal, nextSpan, NO_RUN_OPEN, type RunSpan } from "../model/run-span.ts";
import { OnlyRun } from "../profile/only-run.ts";
import { PART_BYTES, type StreamedLog, type StreamReader } from "./stream-reader.ts";

/** What an event is to the reader of a run. */
type Sort = "start" | "end" | "own" | "other";

/**
 * A reader of one run's events: from its RUN_STARTED to the first terminal that ends it, without what the log has of
 * other runs in between.
 */
export class RunReader implements StreamReader {
  readonly #log: StreamedLog;
  readonly #runId: string;
  readonly #only: OnlyRun;
  #runFrom: number;
  #offset: number;
  #span: RunSpan = NO_RUN_OPEN;
  #phase: "before" | "open" | "over" = "before";

  /** `runFrom`: a line of the log before the run's beginning, at which no run is open. */
  constructor(log: StreamedLog, runId: string, runFrom: number) {
    this.#log = log;
    this.#runId = runId;
    this.#only = new OnlyRun(runId);
    this.#runFrom = runFrom;
    this.#offset = runFrom;
  }

  get offset(): number {
    return this.#offset;
  }

  get runFrom(): number {
    return this.#runFrom;
  }

  get isClosed(): boolean {
    return this.#phase === "over";
  }

  /** Whether the run's first event has been passed. */
  get hasBegun(): boolean {
    return this.#phase !== "before";
  }

  /** Goes to the run's first event. False if it does not come before `end`, where the reader is then. */
  async seekStart(end: number): Promise<boolean> {
    for await (const event of this.#events(end)) {
      // what follows is the same whether one begins here or at the log's start
      if (this.#span.begun.length === 0) this.#runFrom = this.#offset;
      if (event.type === "RUN_STARTED" && nextSpan(this.#span, event).runId === this.#runId)
        return true;
      this.#pass(event);
    }
    return false;
  }

  /** Goes on to `offset`. False if no line ends there, or the run is over before. */
  async seek(offset: number): Promise<boolean> {
    for await (const event of this.#events(offset)) {
      this.#pass(event);
      if (this.isClosed) break;
    }
    return this.#offset === offset;
  }

  async part(end: number): Promise<readonly ByteRange[]> {
    const ranges: { start: number; end: number }[] = [];
    if (this.isClosed) return ranges;
    const limit = this.#offset + PART_BYTES;
    for await (const event of this.#events(end)) {
      const start = this.#offset;
      if (this.#pass(event) !== "other") {
        const last = ranges.at(-1);
        if (last?.end === start) last.end = this.#offset;
        else ranges.push({ start, end: this.#offset });
      }
      if (this.isClosed || this.#offset >= limit) break;
    }
    return ranges;
  }

  #events(end: number): AsyncIterable<EventFacts> {
    const { store, key, logId } = this.#log;
    const start = this.#offset;
    return start < end ? readFacts(store, key, { logId, start, end }) : nothing();
  }

  #pass(event: EventFacts): Sort {
    const sort = this.#sortOf(event);
    this.#offset += event.bytes;
    if (sort === "start") this.#phase = "open";
    if (sort === "end") this.#phase = "over";
    return sort;
  }

  #sortOf(event: EventFacts): Sort {
    const isOpen = this.#phase === "open";
    if (!isOfRuns(event))
      return isOpen && this.#only.concerns(event.runId ?? "", true) ? "own" : "other";
    const step = nextSpan(this.#span, event);
    this.#span = step.span;
    if (!this.#only.takes(event.type, step, isOpen)) return "other";
    if (isTerminal(event)) return isOpen ? "end" : "other";
    return "start";
  }
}

async function* nothing(): AsyncGenerator<EventFacts> {}
