import { concatBytes } from "../../stream/bytes/concat.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { LineSplitterStream } from "../../stream/text/line-splitter-stream.ts";
import type { ServerEventContext } from "../model/server-events.ts";
import { isObject } from "../model/json-fields.ts";
import { hashText } from "../model/posted-message-ids.ts";

/** Longest line that is read, in characters; a longer one counts as malformed. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024;
/** The run of a migrated log, which never begins. */
const MIGRATION_RUN = "legacy-migration";
/** Small pieces are joined to about so many bytes. */
const PIECE_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** A message as AG-UI has it. */
interface Message {
  readonly id: string;
  readonly role: "user" | "assistant";
  readonly content?: string;
}

/**
 * The messages of the older format as one MESSAGES_SNAPSHOT line, in pieces; nothing if there is no
 * message. Their ids depend on their place and their content, so that a second migration makes the
 * same ones.
 */
export async function* snapshotLine(
  messages: ReadableStream<Uint8Array<ArrayBuffer>>,
  { threadId, timestamp }: Omit<ServerEventContext, "runId">,
): AsyncGenerator<Uint8Array> {
  const context = { threadId, runId: MIGRATION_RUN, timestamp };
  const head = JSON.stringify({ type: "MESSAGES_SNAPSHOT", ...context }).slice(0, -1);
  let separator = `${head},"messages":[`;
  let number = 0;
  for await (const line of linesOf(messages)) {
    number++;
    const message = messageOf(line, number);
    if (!message) continue;
    yield encoder.encode(`${separator}${JSON.stringify(message)}`);
    separator = ",";
  }
  if (separator === ",") yield encoder.encode("]}\n");
}

/**
 * The well-formed lines of the older format, unchanged, as the inside of a JSON array, in pieces.
 */
export async function* wellFormedLines(
  messages: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const scanner = new JsonObjectScanner([]);
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  let isFirst = true;
  for await (const text of linesOf(messages)) {
    const line = encoder.encode(text);
    scanner.reset();
    if (!scanner.push(line, 0, line.length) || !scanner.end()) continue;
    pieces.push(isFirst ? line : concatBytes([encoder.encode(","), line]));
    bytes += line.length;
    isFirst = false;
    if (bytes < PIECE_BYTES) continue;
    yield concatBytes(pieces);
    pieces = [];
    bytes = 0;
  }
  if (pieces.length > 0) yield concatBytes(pieces);
}

/** The lines of the older format; one that is too long is empty, which is malformed as well. */
function linesOf(messages: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<string> {
  return messages
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(
      new LineSplitterStream({ ends: "lf", maxLength: MAX_LINE_LENGTH, longLines: "empty" }),
    );
}

/** The message in a line of the older format, or null if the line has none. */
function messageOf(text: string, number: number): Message | null {
  const value = parse(text);
  if (!isObject(value) || !isObject(value["payload"])) return null;
  const id = `legacy-${number}-${hashText(text).toString(36)}`;
  const { content } = value["payload"];
  if (value["type"] === "user_message")
    return { id, role: "user", ...(typeof content === "string" && { content }) };
  if (value["type"] !== "agent.message" || !isObject(content)) return null;
  if (content["type"] !== "text_block" || typeof content["text"] !== "string") return null;
  return { id, role: "assistant", content: content["text"] };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
