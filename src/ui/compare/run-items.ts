import type { AgUiEvent } from "../../client/index.ts";
import { shortJson, shortText } from "../json/short-json.ts";

/** What happened in a run, in the order in which it began: a message, a tool call, and so on. */
export interface RunItem {
  readonly kind: "message" | "reasoning" | "tool" | "step" | "custom" | "error";
  /** What kind of message, which tool, the step's name. */
  readonly label: string;
  /** What it says, or its arguments. */
  readonly text: string;
  /** What a tool gave back; null for all else. */
  readonly result: string | null;
}

const TEXT_CHARS = 4_000;
const LABEL_CHARS = 100;

type Open = { -readonly [Member in keyof RunItem]: RunItem[Member] };

/** Makes the items of a run from its events, whichever form they come in; each text at most 4,000 characters. */
export class RunItems {
  readonly #items: Open[] = [];
  /** By kind and id: what deltas are added to. */
  readonly #byId = new Map<string, Open>();
  readonly #maxItems: number;
  #isCut = false;

  constructor(maxItems: number) {
    this.#maxItems = maxItems;
  }

  get items(): readonly RunItem[] {
    return this.#items;
  }

  /** Whether there were more than were asked for. */
  get isCut(): boolean {
    return this.#isCut;
  }

  add(event: AgUiEvent): void {
    const messageId = idOf(event["messageId"]);
    const toolCallId = idOf(event["toolCallId"]);
    switch (event.type) {
      case "TEXT_MESSAGE_START":
      case "TEXT_MESSAGE_CONTENT":
      case "TEXT_MESSAGE_CHUNK":
        this.#append(
          { kind: "message", id: messageId, label: event["role"] ?? "assistant" },
          event["delta"],
        );
        break;
      case "REASONING_MESSAGE_START":
      case "REASONING_MESSAGE_CONTENT":
      case "REASONING_MESSAGE_CHUNK":
      case "THINKING_TEXT_MESSAGE_CONTENT":
        this.#append({ kind: "reasoning", id: messageId, label: "reasoning" }, event["delta"]);
        break;
      case "TOOL_CALL_START":
      case "TOOL_CALL_ARGS":
      case "TOOL_CALL_CHUNK":
        this.#append(
          {
            kind: "tool",
            id: toolCallId,
            label: event["toolCallName"] ?? "",
          },
          event["delta"],
        );
        break;
      case "TOOL_CALL_RESULT":
        this.#result(toolCallId, event["content"]);
        break;
      case "STEP_STARTED":
        this.#push({ kind: "step", label: event["stepName"] }, "");
        break;
      case "CUSTOM":
        this.#push({ kind: "custom", label: event["name"] }, shortJson(event["value"], TEXT_CHARS));
        break;
      case "RUN_ERROR":
        this.#push({ kind: "error", label: event["code"] ?? "error" }, textOf(event["message"]));
        break;
      default:
    }
  }

  #append(
    { kind, id, label }: { kind: RunItem["kind"]; id: string; label: unknown },
    delta: unknown,
  ): void {
    const key = `${kind} ${id}`;
    const item = this.#byId.get(key) ?? this.#push({ kind, label }, "");
    if (!item) return;
    this.#byId.set(key, item);
    if (typeof delta === "string" && item.text.length <= TEXT_CHARS)
      item.text = shortText(item.text + delta, TEXT_CHARS);
  }

  #result(id: string, content: unknown): void {
    const item = this.#byId.get(`tool ${id}`) ?? this.#push({ kind: "tool", label: "result" }, "");
    if (item) item.result = textOf(content);
  }

  #push({ kind, label }: { kind: RunItem["kind"]; label: unknown }, text: string): Open | null {
    if (this.#items.length === this.#maxItems) {
      this.#isCut = true;
      return null;
    }
    const item: Open = { kind, label: shortText(textOf(label), LABEL_CHARS), text, result: null };
    this.#items.push(item);
    return item;
  }
}

function idOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? shortText(value, TEXT_CHARS) : shortJson(value, TEXT_CHARS);
}
