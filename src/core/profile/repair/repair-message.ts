import { isObject, type JsonObject } from "../../model/json-fields.ts";
import type { Dialect } from "./dialect.ts";

/** What a provider keeps to itself, to be given back as it is. */
interface Sealed {
  encryptedValue?: string;
  /** What kind of thing the value is, in the producer's words; never without a value. */
  encryptedValueType?: string;
}

/** A tool call in a message. */
export interface ToolCall extends Sealed {
  readonly id: string;
  readonly type: "function";
  readonly function: { name: string; arguments: string };
  metadata?: Record<string, unknown>;
}

/** A message as clients keep it, with members that AG-UI describes, none of which is null. */
export interface Message extends Sealed {
  readonly id: string;
  readonly role: string;
  content?: unknown;
  toolCalls?: ToolCall[];
  metadata?: Record<string, unknown>;
  subagentRunId?: string;
  readonly name?: string;
  readonly toolCallId?: string;
  readonly error?: string;
  activityType?: string;
}

const PART_TYPES: ReadonlySet<string> = new Set(["image", "audio", "video", "document"]);

/**
 * A message of a snapshot or an input as every client of the dialect accepts it, or null if it
 * cannot be repaired. Members that a client would strip are left out, so that messages can be
 * compared.
 */
export function repairMessage(value: unknown, dialect: Dialect): Message | null {
  if (!isObject(value)) return null;
  const { id, role } = value;
  if (typeof id !== "string" || typeof role !== "string") return null;
  const own = ownMembers(value, role, dialect);
  if (own === null) return null;
  const sealed = role === "activity" ? {} : sealedOf(value);
  const tag = dialect === "0.0" ? {} : withTexts(value, ["subagentRunId"]);
  const metadata = isObject(value["metadata"]) ? { metadata: value["metadata"] } : {};
  return { id, role, ...own, ...sealed, ...tag, ...metadata };
}

/** A copy of which events may change texts, tool calls and metadata, and no other value. */
export function copyMessage(message: Message): Message {
  const { toolCalls } = message;
  return { ...copyMetadata(message), ...(toolCalls && { toolCalls: toolCalls.map(copyCall) }) };
}

function copyCall(call: ToolCall): ToolCall {
  return { ...copyMetadata(call), function: { ...call.function } };
}

function copyMetadata<T extends { metadata?: Record<string, unknown> }>(of: T): T {
  return of.metadata ? { ...of, metadata: { ...of.metadata } } : of;
}

function ownMembers(value: JsonObject, role: string, dialect: Dialect): JsonObject | null {
  const { content } = value;
  switch (role) {
    case "developer":
    case "system":
      return { content: textOf(content), ...withTexts(value, ["name"]) };
    case "reasoning":
      return { content: textOf(content) };
    case "assistant":
      return { ...optionalText(content), ...withTexts(value, ["name"]), ...toolCallsOf(value) };
    case "user":
      return { content: repairContent(content, dialect), ...withTexts(value, ["name"]) };
    case "tool": {
      if (typeof value["toolCallId"] !== "string") return null;
      const { toolCallId } = value;
      const repaired = repairToolContent(content, dialect);
      return { content: repaired, toolCallId, ...withTexts(value, ["error"]) };
    }
    case "activity": {
      const { activityType } = value;
      if (typeof activityType !== "string" || !isObject(content)) return null;
      return { activityType, content };
    }
    default:
      return null;
  }
}

/** The content of a tool's result: text, or parts for clients that know them. */
export function repairToolContent(content: unknown, dialect: Dialect): unknown {
  return dialect === "1.0" ? repairContent(content, dialect) : textOf(content);
}

function repairContent(content: unknown, dialect: Dialect): unknown {
  if (!Array.isArray(content)) return textOf(content);
  return content.flatMap((part: unknown) => repairPart(part, dialect));
}

/** A part as the dialect knows it; an unknown one is left out. */
function repairPart(part: unknown, dialect: Dialect): JsonObject[] {
  if (!isObject(part) || typeof part["type"] !== "string") return [];
  const { type } = part;
  const common = dialect === "1.0" ? commonOf(part) : {};
  if (type === "text")
    return typeof part["text"] === "string" ? [{ type, text: part["text"], ...common }] : [];
  if (type === "binary") return dialect === "0.0" ? repairBinary(part) : mediaOf(part);
  if (!PART_TYPES.has(type) || !isObject(part["source"])) return [];
  const source = withTexts(part["source"], ["type", "value", "mimeType", "provider"]);
  if (typeof source["type"] !== "string" || typeof source["value"] !== "string") return [];
  if (dialect === "0.0") return binaryOf(source);
  const isWhole =
    source["type"] === "data"
      ? typeof source["mimeType"] === "string"
      : source["type"] === "url" || source["type"] === "file";
  return isWhole ? [{ type, source, ...common }] : [];
}

/** Members that a part of any type may have. */
function commonOf(part: JsonObject): JsonObject {
  const { metadata } = part;
  const isSaid = metadata !== undefined && metadata !== null;
  return { ...withTexts(part, ["id"]), ...(isSaid && { metadata }) };
}

function repairBinary(part: JsonObject): JsonObject[] {
  const texts = withTexts(part, ["mimeType", "id", "url", "data", "filename"]);
  const has = (key: string): boolean => typeof texts[key] === "string" && texts[key] !== "";
  if (typeof texts["mimeType"] !== "string") return [];
  return has("id") || has("url") || has("data") ? [{ type: "binary", ...texts }] : [];
}

/** The AG-UI 1.0 form of a part of older clients; 1.0 has none for a part with only an id. */
function mediaOf(part: JsonObject): JsonObject[] {
  const { mimeType, data, url, filename } = repairBinary(part)[0] ?? {};
  if (typeof mimeType !== "string") return [];
  const media = /^(?:image|audio|video)(?=\/)/.exec(mimeType)?.[0] ?? "document";
  const named = filename ? { metadata: { filename } } : {};
  if (data) return [{ type: media, source: { type: "data", value: data, mimeType }, ...named }];
  return url ? [{ type: media, source: { type: "url", value: url, mimeType }, ...named }] : [];
}

/** The older clients' form of a part with bytes or an address. */
function binaryOf(source: JsonObject): JsonObject[] {
  const { type, value, mimeType = "application/octet-stream" } = source;
  if (type === "data") return repairBinary({ mimeType, data: value });
  return type === "url" ? repairBinary({ mimeType, url: value }) : [];
}

function toolCallsOf(value: JsonObject): { readonly toolCalls?: ToolCall[] } {
  const { toolCalls } = value;
  if (!Array.isArray(toolCalls)) return {};
  const calls = toolCalls.flatMap((call: unknown): ToolCall[] => {
    if (!isObject(call) || typeof call["id"] !== "string" || !isObject(call["function"])) return [];
    const { name, arguments: text } = call["function"];
    if (typeof name !== "string") return [];
    return [
      {
        id: call["id"],
        type: "function",
        function: { name, arguments: textOf(text) },
        ...sealedOf(call),
        ...(isObject(call["metadata"]) && { metadata: call["metadata"] }),
      },
    ];
  });
  return { toolCalls: calls };
}

/** The sealed value of a message or call, and its type, which says nothing without it. */
function sealedOf(value: JsonObject): Sealed {
  if (typeof value["encryptedValue"] !== "string") return {};
  return withTexts(value, ["encryptedValue", "encryptedValueType"]);
}

/** A value as text: parts by their texts, anything else but text as JSON. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "";
  if (!Array.isArray(value)) return JSON.stringify(value);
  return value
    .map((part: unknown) =>
      isObject(part) && typeof part["text"] === "string" ? part["text"] : "",
    )
    .join("");
}

function optionalText(value: unknown): { readonly content?: string } {
  return value === undefined || value === null ? {} : { content: textOf(value) };
}

function withTexts(value: JsonObject, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    keys.filter((key) => typeof value[key] === "string").map((key) => [key, value[key]]),
  );
}
