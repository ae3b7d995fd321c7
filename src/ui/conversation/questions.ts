import type { AgUiEvent } from "../../client/index.ts";
import { isObject, textOf } from "./items.ts";

/** What the agent waits for its user to say. */
export type Question = AskedQuestion | Interrupt;

/** A tool call by which the agent asks: it is answered by a message. */
interface AskedQuestion {
  readonly kind: "asked";
  readonly id: string;
  readonly header: string;
  readonly text: string;
  readonly options: readonly { readonly label: string; readonly description: string }[];
}

/** An interrupt of a run's outcome, or of a CUSTOM `on_interrupt`: it is answered by `resume`. */
interface Interrupt {
  readonly kind: "interrupt";
  readonly id: string;
  readonly reason: string;
  readonly text: string;
  /** What it is about, as JSON; null if that is not said. */
  readonly details: string | null;
}

const MAX_QUESTIONS = 100;

/** Follows which questions are open. */
export class Questions {
  #open: Question[] = [];
  readonly #args = new Map<string, string>();

  get open(): readonly Question[] {
    return this.#open;
  }

  push(event: AgUiEvent): void {
    const id = textOf(event["toolCallId"]);
    switch (event.type) {
      case "RUN_STARTED":
        this.#open = [];
        this.#args.clear();
        return;
      case "TOOL_CALL_START":
        if (isAsking(textOf(event["toolCallName"]))) this.#args.set(id, "");
        return;
      case "TOOL_CALL_ARGS": {
        const before = this.#args.get(id);
        if (before !== undefined) this.#args.set(id, before + textOf(event["delta"]));
        return;
      }
      case "TOOL_CALL_END":
        this.#ask(asked(id, this.#args.get(id)));
        this.#args.delete(id);
        return;
      case "TOOL_CALL_RESULT":
        this.#open = this.#open.filter((question) => question.id !== id);
        return;
      case "RUN_FINISHED":
        this.#ask(interruptsOf(event["outcome"]));
        return;
      case "CUSTOM":
        if (event["name"] === "on_interrupt")
          this.#ask(customInterrupt(event["value"], this.#open));
        return;
    }
  }

  /** What the session waits for where it is read as a whole. */
  take(interrupts: readonly unknown[]): void {
    this.#ask(
      interrupts.flatMap((one) =>
        isObject(one) && one["type"] === "CUSTOM"
          ? customInterrupt(one["value"], this.#open)
          : interruptsOf({ type: "interrupt", interrupts: [one] }),
      ),
    );
  }

  #ask(more: readonly Question[]): void {
    this.#open = [...this.#open, ...more].slice(-MAX_QUESTIONS);
  }
}

/** `AskUserQuestion`, in any case and with any separators. */
function isAsking(name: string): boolean {
  return name.replace(/[^a-z]/gi, "").toLowerCase() === "askuserquestion";
}

function asked(id: string, args: string | undefined): readonly Question[] {
  if (args === undefined) return [];
  const input = parsed(args);
  const given = isObject(input) && Array.isArray(input["questions"]) ? input["questions"] : [input];
  return given.filter(isObject).map((question) => ({
    kind: "asked",
    id,
    header: textOf(question["header"]),
    text: textOf(question["question"]) || "The agent asks something.",
    options: (Array.isArray(question["options"]) ? question["options"] : [])
      .map((option) => (isObject(option) ? option : { label: option, description: null }))
      .map(({ label, description }) => ({
        label: textOf(label),
        description: textOf(description),
      }))
      .filter(({ label }) => label !== ""),
  }));
}

function interruptsOf(outcome: unknown): readonly Question[] {
  if (!isObject(outcome) || outcome["type"] !== "interrupt") return [];
  const list = Array.isArray(outcome["interrupts"]) ? outcome["interrupts"] : [];
  return list.filter(isObject).map(({ id, reason, message, ...more }) => ({
    kind: "interrupt",
    id: textOf(id),
    reason: textOf(reason),
    text: textOf(message) || textOf(reason) || "The agent waits for an answer.",
    details: Object.keys(more).length === 0 ? null : JSON.stringify(more, null, 2),
  }));
}

/** One that its run's outcome does not say as well. */
function customInterrupt(value: unknown, known: readonly Question[]): readonly Question[] {
  if (known.some(({ kind }) => kind === "interrupt")) return [];
  const said = typeof value === "string" ? parsed(value) : value;
  const text = isObject(said)
    ? textOf(said["message"]) || textOf(said["question"]) || textOf(said["reason"])
    : textOf(said);
  const id = isObject(said) ? textOf(said["id"]) : "";
  const details = isObject(said) ? JSON.stringify(said, null, 2) : null;
  return [
    { kind: "interrupt", id, reason: "", text: text || "The agent waits for an answer.", details },
  ];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
