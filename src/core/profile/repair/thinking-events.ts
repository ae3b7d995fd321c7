import type { ParsedEvent } from "./parsed-event.ts";

type Span = "phase" | "message";

const SUCCESSORS: ReadonlyMap<string, readonly [type: string, span: Span]> = new Map([
  ["THINKING_START", ["REASONING_START", "phase"]],
  ["THINKING_END", ["REASONING_END", "phase"]],
  ["THINKING_TEXT_MESSAGE_START", ["REASONING_MESSAGE_START", "message"]],
  ["THINKING_TEXT_MESSAGE_CONTENT", ["REASONING_MESSAGE_CONTENT", "message"]],
  ["THINKING_TEXT_MESSAGE_END", ["REASONING_MESSAGE_END", "message"]],
]);

/**
 * Reasoning as producers sent it before AG-UI 1.0: the same events by other names and without ids,
 * since only one thought could be open at a time. Clients of 1.0 make ids up; here they are derived
 * from the run's id, so that a client that connects again gets the same thoughts.
 */
export class RetiredThinking {
  readonly #open = new Map<Span, string>();
  #runId = "";
  #count = 0;

  /** Forgets what is open; the run with this id begins. */
  clear(runId: string): void {
    this.#open.clear();
    this.#runId = runId;
    this.#count = 0;
  }

  /**
   * The current event that a line stands for: itself, unless it is of a retired type. One that
   * continues nothing has no id. `isTaken` is whether a message has an id already.
   */
  translate(line: ParsedEvent, type: string, isTaken: (id: string) => boolean): ParsedEvent {
    const successor = SUCCESSORS.get(type);
    if (!successor) return line;
    const [today, span] = successor;
    if (type.endsWith("_START")) this.#open.set(span, this.#nextId(isTaken));
    const id = this.#open.get(span);
    if (type.endsWith("_END")) this.#open.delete(span);
    return line.with({
      type: JSON.stringify(today),
      messageId: id === undefined ? null : JSON.stringify(id),
      title: null,
    });
  }

  #nextId(isTaken: (id: string) => boolean): string {
    let id: string;
    do {
      this.#count += 1;
      id = `${this.#runId}-thinking-${this.#count}`;
    } while (isTaken(id));
    return id;
  }
}
