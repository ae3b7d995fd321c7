import { isObject, type JsonObject } from "./json-fields.ts";

/** Longest argument or result of a tool that is shown, in characters. */
const MAX_TOOL_TEXT = 2_000;
/** After so many characters of one message no more is held, nor shown. */
const MAX_TEXT = 4 * 1024 * 1024;

/**
 * A session's events as a conversation in Markdown: what was said, which tools were called and how runs
 * ended. It holds the message that is being said, and the ids of those that were shown.
 */
export class MarkdownWriter {
  readonly #shown = new Set<string>();
  /** Texts of messages and arguments of tool calls that are not at their end, by id. */
  readonly #open = new Map<string, { readonly title: string; text: string }>();

  /** What stands before the first event. */
  title(project: string, session: string): string {
    return `# ${project}/${session}\n`;
  }

  /** What one event adds, "" for most. */
  push(event: unknown): string {
    if (!isObject(event)) return "";
    const id = textOf(event["messageId"]);
    const call = textOf(event["toolCallId"]);
    switch (event["type"]) {
      case "MESSAGES_SNAPSHOT":
        return Array.isArray(event["messages"])
          ? event["messages"].map((message: unknown) => this.#message(message)).join("")
          : "";
      case "TEXT_MESSAGE_START":
        this.#open.set(id, { title: heading(textOf(event["role"]) || "assistant"), text: "" });
        return "";
      case "TEXT_MESSAGE_CONTENT":
        return this.#add(id, event);
      case "TEXT_MESSAGE_END":
        return this.#close(id, (text) => text);
      case "TOOL_CALL_START":
        this.#open.set(call, { title: `**Tool** \`${textOf(event["toolCallName"])}\``, text: "" });
        return "";
      case "TOOL_CALL_ARGS":
        return this.#add(call, event);
      case "TOOL_CALL_END":
        return this.#close(call, (text) => fenced(text, "json"));
      case "TOOL_CALL_RESULT":
        return `\n**Result**\n\n${fenced(contentOf(event["content"]), "")}\n`;
      case "RUN_ERROR":
        return `\n> **Run failed:** ${textOf(event["message"])}\n`;
      default:
        return "";
    }
  }

  /** What was not at its end when the log was. */
  end(): string {
    return [...this.#open.keys()].map((id) => this.#close(id, (text) => text)).join("");
  }

  #message(message: unknown): string {
    if (!isObject(message)) return "";
    const id = textOf(message["id"]);
    const text = contentOf(message["content"]);
    if (this.#shown.has(id) || text === "" || isHidden(message)) return "";
    this.#shown.add(id);
    return `\n${heading(textOf(message["role"]))}\n\n${text}\n`;
  }

  #add(id: string, event: JsonObject): string {
    const open = this.#open.get(id);
    if (open && open.text.length < MAX_TEXT) open.text += textOf(event["delta"]);
    return "";
  }

  #close(id: string, show: (text: string) => string): string {
    const open = this.#open.get(id);
    this.#open.delete(id);
    this.#shown.add(id);
    return open && open.text !== "" ? `\n${open.title}\n\n${show(open.text)}\n` : "";
  }
}

function heading(role: string): string {
  return `## ${role.slice(0, 1).toUpperCase()}${role.slice(1)}`;
}

/** The text of a message's content, which may be a list of parts. */
function contentOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => (isObject(part) ? textOf(part["text"]) : ""))
    .filter((text) => text !== "")
    .join("\n\n");
}

function isHidden({ metadata }: JsonObject): boolean {
  return isObject(metadata) && metadata["hidden"] === true;
}

/** A fence is longer than any that is in the text. */
function fenced(text: string, language: string): string {
  const shown = text.length > MAX_TOOL_TEXT ? `${text.slice(0, MAX_TOOL_TEXT)}\n[…]` : text;
  const longest = Math.max(2, ...(shown.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${shown}\n${fence}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
