import { attempt, type Rest } from "../../stream/sync/steps.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";

/** Told of an event over which something failed. */
export type ReportFault = (error: unknown, type: string) => void;

/** Events that make messages, or change them. */
const OF_MESSAGES = /^(?:TEXT_MESSAGE|TOOL_CALL|REASONING|THINKING|ACTIVITY|MESSAGES)_/;

/**
 * What a stream could not tell as it is: events that are too large for its client, and events over
 * which something failed. Until a snapshot says it anew, what they change is not known; then the client
 * is sent no change of it, and whoever connects no snapshot.
 */
export class Undelivered {
  readonly #report: ReportFault;
  readonly #activities = new Set<string>();
  #isStateUnknown = false;
  #isIncomplete = false;

  constructor(report: ReportFault) {
    this.#report = report;
  }

  /** Whether messages and state are known as the log means them. */
  get isNothing(): boolean {
    return !this.#isStateUnknown && !this.#isIncomplete;
  }

  /** Whether a message will not be known any more. */
  get isIncomplete(): boolean {
    return this.#isIncomplete;
  }

  /** An event of this type, for the message `id` if it is one of a message, was too large to be sent. */
  large(type: string, id: string | null): void {
    if (type === "STATE_SNAPSHOT" || type === "STATE_DELTA") this.#isStateUnknown = true;
    if (!OF_MESSAGES.test(type)) return;
    this.#isIncomplete = true;
    if (id !== null && type.startsWith("ACTIVITY_")) this.#activities.add(id);
  }

  /** Does what an event of this type asks for; where that fails, goes on with `fail`. */
  attempt(type: string, begin: () => Rest, fail?: () => Rest): Rest {
    return attempt(begin, (error) => {
      this.failed(error, type);
      return fail?.();
    });
  }

  /** Something failed over an event of this type. */
  failed(error: unknown, type: string): void {
    this.#isIncomplete = true;
    this.#report(error, type);
  }

  /** Whether an event changes what the client does not have. */
  isOfUnknown(type: string, line: ParsedEvent): boolean {
    switch (type) {
      case "STATE_SNAPSHOT":
        this.#isStateUnknown = false;
        return false;
      case "STATE_DELTA":
        return this.#isStateUnknown;
      case "ACTIVITY_SNAPSHOT":
        if (line.json("replace") !== false) this.#activities.delete(line.text("messageId") ?? "");
        return false;
      case "ACTIVITY_DELTA":
        return this.#activities.has(line.text("messageId") ?? "");
      default:
        return false;
    }
  }
}
