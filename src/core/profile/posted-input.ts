import { parseExact } from "../exact-json.ts";
import { isObject } from "../json-fields.ts";
import type { Dialect } from "./dialect.ts";
import type { Message } from "./mend-message.ts";
import { mendMessages } from "./run-started.ts";

/** What a client of the standard posts, as far as its stream depends on it. */
export interface PostedInput {
  readonly protocolVersion: unknown;
  readonly runId: string | null;
  readonly messages: readonly unknown[];
}

/** Reads a body; what is missing or of another type is as if it were not there. */
export function readPostedInput(bytes: Uint8Array): PostedInput {
  const body = parsed(bytes);
  if (!isObject(body)) return { protocolVersion: undefined, runId: null, messages: [] };
  const { messages, protocolVersion, runId } = body;
  return {
    protocolVersion,
    runId: typeof runId === "string" && runId !== "" ? runId : null,
    messages: Array.isArray(messages) ? messages : [],
  };
}

/** The messages that the client has, in the form in which they are compared. */
export function knownMessages({ messages }: PostedInput, dialect: Dialect): Message[] {
  return mendMessages(messages, dialect);
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseExact(bytes);
  } catch {
    return null;
  }
}
