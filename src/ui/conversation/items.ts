/** What a conversation is shown as: messages, what the agent did, and what became of runs, in their order. */
export type Item = MessageItem | ReasoningItem | ActivityItem | RunEndItem | NoteItem;

/** What somebody said, and the calls that the message made. */
export interface MessageItem {
  readonly kind: "message";
  readonly id: string;
  role: string;
  text: string;
  /** What it has besides text. */
  parts: readonly Part[];
  calls: Call[];
  /** Whether more of it comes. */
  isOpen: boolean;
  /** Whether its author asked for it not to be shown. */
  isHidden: boolean;
}

export interface ReasoningItem {
  readonly kind: "reasoning";
  readonly id: string;
  text: string;
  isOpen: boolean;
}

interface ActivityItem {
  readonly kind: "activity";
  readonly id: string;
  type: string;
  content: unknown;
}

/** Where a run ended otherwise than well, or well after a while. */
export interface RunEndItem {
  readonly kind: "run-end";
  readonly id: string;
  readonly runId: string;
  readonly status: "finished" | "interrupted" | "cancelled" | "error";
  readonly error: { readonly message: string; readonly code: string | null } | null;
  /** By the events' own times; null where they have none. */
  readonly ms: number | null;
}

/** Something that cannot be shown, or that runlog itself says. */
interface NoteItem {
  readonly kind: "note";
  readonly id: string;
  readonly text: string;
}

/** A tool call. */
export interface Call {
  readonly id: string;
  name: string;
  /** JSON, as far as it has come. */
  args: string;
  /** What the tool said; null until it has. */
  result: string | null;
  isError: boolean;
  isOpen: boolean;
}

/** What a message has besides text. */
export type Part =
  /** An image that the event itself holds. */
  | { readonly kind: "image"; readonly source: string }
  /** Something that lies elsewhere: it is named, and not fetched. */
  | { readonly kind: "elsewhere"; readonly what: string; readonly url: string }
  | { readonly kind: "data"; readonly what: string; readonly bytes: number };

const SHOWN_IMAGE = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
const BASE64 = /^[A-Za-z0-9+/=\s]*$/;

type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The text of a message's content: a string, or the text parts of a list. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return isObject(content) ? JSON.stringify(content, null, 2) : "";
  return content
    .filter(isObject)
    .map(({ text }) => textOf(text))
    .filter((text) => text !== "")
    .join("\n\n");
}

/** What a message's content has besides text: `binary` parts of 0.0.x, and those with a `source` of 1.0. */
export function contentParts(content: unknown): readonly Part[] {
  if (!Array.isArray(content)) return [];
  return content.filter(isObject).flatMap((part) => {
    if (part["type"] === "text") return [];
    const source = isObject(part["source"]) ? part["source"] : part;
    const what = textOf(source["mimeType"]) || textOf(part["mimeType"]) || textOf(part["type"]);
    const data = textOf(source["data"]) || (source["type"] === "data" && textOf(source["value"]));
    if (data) return [dataPart(what, data)];
    const url = textOf(source["url"]) || textOf(source["value"]) || textOf(source["id"]);
    return [{ kind: "elsewhere" as const, what: what || "file", url }];
  });
}

function dataPart(what: string, data: string): Part {
  if (SHOWN_IMAGE.test(what) && BASE64.test(data))
    return { kind: "image", source: `data:${what};base64,${data}` };
  return { kind: "data", what: what || "data", bytes: Math.floor((data.length * 3) / 4) };
}
