import { isObject } from "./json-fields.ts";
import { code, fenced, folded, heading, oneLine, prose } from "./markdown.ts";
import type { Message, ToolCall } from "./profile/mend-message.ts";

/** A piece of a session's Markdown, whose like is written once. */
export interface Piece {
  /** What it is a piece of: a message or a tool call. */
  readonly id: string;
  /** All that would make it another piece. */
  readonly content: string;
  /** Whose section it stands in. */
  readonly role: string;
  /** Whether it is text that everybody sees, and begins a section of its own. */
  readonly isText: boolean;
  /** The piece itself; `state` goes behind what it is called. */
  write(state: string): string;
}

/** The text of a message, folded if it is reasoning; null if it has none. */
export function textPiece(message: Message): Piece | null {
  const { id, role, content } = message;
  const text = proseOf(content);
  if (text === "") return null;
  const piece = { id: `message ${id}`, content: `${role}\n${JSON.stringify(content)}` };
  if (role === "reasoning")
    return {
      ...piece,
      role: "assistant",
      isText: false,
      write: (state) => folded(`Reasoning${state}`, "", text),
    };
  const title = heading(`${titleOf(role)}${message.name ? ` ${message.name}` : ""}`);
  return { ...piece, role, isText: true, write: (state) => `${title}${state}\n\n${text}` };
}

/** An activity, folded. */
export function activityPiece({ id, activityType = "", content }: Message): Piece {
  const json = JSON.stringify(content, null, 2) ?? "";
  return {
    id: `message ${id}`,
    content: `${activityType}\n${json}`,
    role: "assistant",
    isText: false,
    write: (state) => folded(`Activity${state}`, activityType, fenced(json, "json")),
  };
}

/** A tool call with its arguments and those of its results that are given, folded. */
export function callPiece(call: ToolCall, results: readonly Message[]): Piece {
  const { arguments: text, name } = call.function;
  const given = text === "" ? [] : [fenced(text, "json")];
  return {
    id: `call ${call.id}`,
    content: `${name}\n${text}`,
    role: "assistant",
    isText: false,
    write: (state) =>
      folded(`Tool${state}`, name, [...given, ...results.map(resultOf)].join("\n\n")),
  };
}

/** The result of a tool call that was written before, or is not known; folded. */
export function resultPiece(message: Message, name: string | null): Piece {
  return {
    ...resultIdentity(message),
    role: "assistant",
    isText: false,
    write: (state) => folded(`Tool result${state}`, name ?? "", resultOf(message)),
  };
}

/** What makes a result the result that it is: a call's result may come again under another id. */
export function resultIdentity(message: Message): Pick<Piece, "id" | "content"> {
  const content = `${JSON.stringify(message.content)}\n${message.error ?? ""}`;
  return { id: `result ${message.toolCallId}`, content };
}

function resultOf({ content, error }: Message): string {
  const text = plainOf(content);
  const failed = error === undefined ? "" : `**Error**\n\n${fenced(error, "")}`;
  const result = text === "" && failed !== "" ? "" : `**Result**\n\n${fenced(text, "")}`;
  return [result, failed].filter((part) => part !== "").join("\n\n");
}

function titleOf(role: string): string {
  return `${role.slice(0, 1).toUpperCase()}${role.slice(1)}`;
}

/** A message's content as Markdown: text, or parts of which some are attachments. */
function proseOf(content: unknown): string {
  if (typeof content === "string") return content.trim() === "" ? "" : prose(content);
  return partsOf(content, prose, (label, details) => `*Attachment:* ${oneLine(label)} ${details}`);
}

/** The same as plain text. */
function plainOf(content: unknown): string {
  if (typeof content === "string") return content;
  return partsOf(
    content,
    (text) => text,
    (label, details) => `Attachment: ${label} ${details}`,
  );
}

function partsOf(
  content: unknown,
  ofText: (text: string) => string,
  ofAttachment: (label: string, details: string) => string,
): string {
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => {
      if (!isObject(part)) return "";
      if (typeof part["text"] === "string") return ofText(part["text"]);
      return ofAttachment(textOf(part["type"]), attachmentDetails(part));
    })
    .filter((text) => text.trim() !== "")
    .join("\n\n");
}

/** What an attachment is and where it is to be had; not its bytes. */
function attachmentDetails(part: Readonly<Record<string, unknown>>): string {
  const source = isObject(part["source"]) ? part["source"] : {};
  const metadata = isObject(part["metadata"]) ? part["metadata"] : {};
  const value = textOf(source["value"]);
  const isData = source["type"] === "data";
  // of base64, of which four characters are three bytes
  const size = `(${Math.floor((value.length * 3) / 4).toLocaleString("en")} bytes)`;
  return [code(textOf(source["mimeType"])), code(textOf(metadata["filename"]))]
    .concat(isData ? size : code(value))
    .filter((text) => text !== "")
    .join(" ");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
