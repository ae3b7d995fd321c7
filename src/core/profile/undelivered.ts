import { attempt, type Rest } from "../../stream/sync/steps.ts";
import type { ParsedEvent } from "./repair/parsed-event.ts";

/** Called for an event over which something failed. */
export type ReportFault = (error: unknown, type: string) => void;

/** As JSON. */
export interface SavedUndelivered {
  readonly activities: readonly string[];
  readonly isStateUnknown: boolean;
  readonly isIncomplete: boolean;
}

/** Events that make or change messages. */
const OF_MESSAGES = /^(?:TEXT_MESSAGE|TOOL_CALL|REASONING|THINKING|ACTIVITY|MESSAGES)_/;

/**
 * Events that were not delivered as they are: those too large for the client, and those over which
 * something failed. What they change is unknown until the next snapshot in the log; until then the
 * client is sent no change of it, and a new client gets no snapshot.
 */
export class Undelivered {
  readonly #report: ReportFault;
  readonly #activities = new Set<string>();
  #isStateUnknown = false;
  #isIncomplete = false;

  constructor(report: ReportFault) {
    this.#report = report;
  }

  get saved(): SavedUndelivered {
    const activities = [...this.#activities];
    return { activities, isStateUnknown: this.#isStateUnknown, isIncomplete: this.#isIncomplete };
  }

  restore({ activities, isStateUnknown, isIncomplete }: SavedUndelivered): void {
    for (const id of activities) this.#activities.add(id);
    this.#isStateUnknown = isStateUnknown;
    this.#isIncomplete = isIncomplete;
  }

  /** Whether the state is not known until its next snapshot. */
  get isStateUnknown(): boolean {
    return this.#isStateUnknown;
  }

  /** Whether messages and state are known exactly. */
  get isNothing(): boolean {
    return !this.#isStateUnknown && !this.#isIncomplete;
  }

  /** Whether the messages can never be known exactly again. */
  get isIncomplete(): boolean {
    return this.#isIncomplete;
  }

  /** An event of this type was too large to be sent; `id` is that of its message, or null. */
  large(type: string, id: string | null): void {
    if (type === "STATE_SNAPSHOT" || type === "STATE_DELTA") this.#isStateUnknown = true;
    if (!OF_MESSAGES.test(type)) return;
    this.#isIncomplete = true;
    if (id !== null && type.startsWith("ACTIVITY_")) this.#activities.add(id);
  }

  /** Calls `begin` for an event of this type; where it fails, goes on with `fail`. */
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

  /** Whether an event changes a value that the client does not have. */
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
