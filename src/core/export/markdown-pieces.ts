import { isObject } from "../model/json-fields.ts";
import { code, fenced, folded, heading, oneLine, prose } from "./markdown.ts";
import type { Message, ToolCall } from "../profile/repair/repair-message.ts";

/** A piece of a session's Markdown; equal pieces are written once. */
export interface Piece {
  /** The id of its message or tool call. */
  readonly id: string;
  /** The role whose section it stands in. */
  readonly role: string;
  /** Whether it is text that everybody sees, and begins a section of its own. */
  readonly isText: boolean;
  /** The content by which pieces are compared. */
  readonly content: () => string;
  /** The piece itself, in short parts; `state` is put after its name. */
  write(state: string): Iterable<string>;
}

/** The text of a message, folded if it is reasoning; null if it has none. */
export function textPiece({ id, role, content: given, name }: Message): Piece | null {
  if (isBlank(given)) return null;
  const piece = { id: `message ${id}`, content: () => `${role}\n${keyOf(given)}` };
  if (role === "reasoning")
    return {
      ...piece,
      role: "assistant",
      isText: false,
      write: (state) => folded(`Reasoning${state}`, "", proseOf(given)),
    };
  const title = heading(`${titleOf(role)}${name ? ` ${name}` : ""}`);
  return {
    ...piece,
    role,
    isText: true,
    *write(state) {
      yield `${title}${state}\n\n`;
      yield* proseOf(given);
    },
  };
}

/** An activity, folded, with its current content. */
export function activityPiece({ id, activityType = "", content }: Message): Piece {
  const json = JSON.stringify(content, null, 2) ?? "";
  return {
    id: `message ${id}`,
    role: "assistant",
    isText: false,
    content: () => `${activityType}\n${json}`,
    write: (state) => folded(`Activity${state}`, activityType, [fenced(json, "json")]),
  };
}

/** A tool call with its arguments and those of its results that are given, folded. */
export function callPiece(call: ToolCall, results: readonly Message[]): Piece {
  const { arguments: text, name } = call.function;
  return {
    id: `call ${call.id}`,
    role: "assistant",
    isText: false,
    content: () => `${name}\n${text}`,
    write: (state) => folded(`Tool${state}`, name, callParts(text, results)),
  };
}

function* callParts(text: string, results: readonly Message[]): Generator<string> {
  if (text !== "") yield fenced(text, "json");
  for (const [i, result] of results.entries())
    yield text === "" && i === 0 ? resultOf(result) : `\n\n${resultOf(result)}`;
}

/** The result of a tool call that was written before, or is unknown; folded. */
export function resultPiece(message: Message, name: string | null): Piece {
  return {
    ...resultIdentity(message),
    role: "assistant",
    isText: false,
    write: (state) => folded(`Tool result${state}`, name ?? "", [resultOf(message)]),
  };
}

/** The content by which results are compared: a call's result may come again under another id. */
export function resultIdentity({
  toolCallId,
  content,
  error,
}: Message): Pick<Piece, "id" | "content"> {
  return { id: `result ${toolCallId}`, content: () => `${keyOf(content)}\n${error ?? ""}` };
}

function resultOf({ content, error }: Message): string {
  const text = plainOf(content);
  const failed = error === undefined ? "" : `**Error**\n\n${fenced(error, "")}`;
  const result = text === "" && failed !== "" ? "" : `**Result**\n\n${fenced(text, "")}`;
  return [result, failed].filter((part) => part !== "").join("\n\n");
}

/** A text that is equal for equal contents. */
function keyOf(content: unknown): string {
  return typeof content === "string" ? `"${content}` : JSON.stringify(content);
}

function titleOf(role: string): string {
  return `${role.slice(0, 1).toUpperCase()}${role.slice(1)}`;
}

function isBlank(content: unknown): boolean {
  if (typeof content === "string") return content.trim() === "";
  return partsOf(content).length === 0;
}

/** A message's content as Markdown: text, or parts of which some are attachments. */
function* proseOf(content: unknown): Generator<string, void, undefined> {
  if (typeof content === "string") yield* prose(content);
  for (const [i, part] of partsOf(content).entries()) {
    if (i > 0) yield "\n\n";
    if (typeof part === "string") yield* prose(part);
    else yield `*Attachment:* ${oneLine(part.label)} ${part.details}`;
  }
}

/** The content as plain text. */
function plainOf(content: unknown): string {
  if (typeof content === "string") return content;
  return partsOf(content)
    .map((part) => (typeof part === "string" ? part : `Attachment: ${part.label} ${part.details}`))
    .join("\n\n");
}

interface Attachment {
  readonly label: string;
  readonly details: string;
}

/** The parts of a content that can be written. */
function partsOf(content: unknown): readonly (string | Attachment)[] {
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown): (string | Attachment)[] => {
    if (!isObject(part)) return [];
    const { text, type } = part;
    if (typeof text === "string") return text.trim() === "" ? [] : [text];
    return [{ label: textOf(type), details: attachmentDetails(part) }];
  });
}

/** An attachment's type and address; not its bytes. */
function attachmentDetails(part: Readonly<Record<string, unknown>>): string {
  const source = isObject(part["source"]) ? part["source"] : {};
  const metadata = isObject(part["metadata"]) ? part["metadata"] : {};
  const value = textOf(source["value"]);
  const isData = source["type"] === "data";
  // four characters of base64 are three bytes
  const size = `(${Math.floor((value.length * 3) / 4).toLocaleString("en")} bytes)`;
  return [code(textOf(source["mimeType"])), code(textOf(metadata["filename"]))]
    .concat(isData ? size : code(value))
    .filter((text) => text !== "")
    .join(" ");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
