import { parseExact } from "../model/exact-json.ts";
import { isObject } from "../model/json-fields.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";

/** Most bytes that are kept of what a session waits for; more is not sent again. */
const MAX_BYTES = 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** As JSON. */
export interface SavedInterrupts {
  readonly outcome: unknown;
  /** Each as it is in the log. */
  readonly customs: readonly string[];
  readonly bytes: number;
  readonly isLost: boolean;
}

/**
 * What a session's agent waits for: the outcome with which its last run was interrupted, and the
 * CUSTOM events that older agents send instead. A client forgets it with each run that begins.
 */
export class Interrupts {
  #outcome: unknown = null;
  #customs: readonly ParsedEvent[] = [];
  #bytes = 0;
  #isOverflowed = false;

  /** Whether it is unknown what the agent waits for, or takes more bytes than are kept. */
  get isOverflowed(): boolean {
    return this.#isOverflowed;
  }

  /** The CUSTOM events, in order. */
  get customs(): readonly ParsedEvent[] {
    return this.#customs;
  }

  /** The interrupts of the outcome, and the CUSTOM events; null where they are not known. */
  get open(): readonly unknown[] | null {
    if (this.#isOverflowed) return null;
    const list = isObject(this.#outcome) ? this.#outcome["interrupts"] : [];
    return [
      ...(Array.isArray(list) ? list : []),
      ...this.#customs.map(({ bytes }) => parseExact(bytes)),
    ];
  }

  /** Whether the last run ended with an interrupt. */
  get isInterrupted(): boolean {
    return this.#outcome !== null;
  }

  /** A RUN_FINISHED that repeats how the last run ended. */
  finished(): ParsedEvent {
    const outcome = this.#outcome === null ? {} : { outcome: this.#outcome };
    return ParsedEvent.of({ type: "RUN_FINISHED", ...outcome });
  }

  get saved(): SavedInterrupts {
    const customs = this.#customs.map(({ bytes }) => decoder.decode(bytes));
    return { outcome: this.#outcome, customs, bytes: this.#bytes, isLost: this.#isOverflowed };
  }

  restore({ outcome, customs, bytes, isLost }: SavedInterrupts): void {
    this.#outcome = outcome;
    this.#customs = customs.flatMap((text) => ParsedEvent.read(encoder.encode(text)) ?? []);
    this.#bytes = bytes;
    this.#isOverflowed = isLost;
  }

  /** A run begins: the agent waits for nothing. */
  clear(): void {
    this.#outcome = null;
    this.#customs = [];
    this.#bytes = 0;
    this.#isOverflowed = false;
  }

  /** What the agent waits for is not known any more. */
  lose(): void {
    this.clear();
    this.#isOverflowed = true;
  }

  /** Reads an event of the open run. */
  take(type: string, line: ParsedEvent): void {
    if (this.#isOverflowed) return;
    if (type === "CUSTOM" && line.text("name") === "on_interrupt") {
      // a copy: it is said long after its chunk has gone
      if (this.#fits(line)) this.#customs = [...this.#customs, line.copy()];
    } else if (type === "RUN_FINISHED" && line.kind("outcome") === "object") {
      const outcome = line.exact("outcome");
      if (!isObject(outcome) || outcome["type"] !== "interrupt") return;
      if (this.#fits(line)) this.#outcome = outcome;
    }
  }

  #fits({ bytes }: ParsedEvent): boolean {
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_BYTES) this.lose();
    return !this.#isOverflowed;
  }
}
