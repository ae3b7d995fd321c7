import { parseExact } from "../exact-json.ts";
import { isObject } from "../json-fields.ts";
import type { Dialect } from "./dialect.ts";
import type { Message } from "./mend-message.ts";
import { mendMessages } from "./run-started.ts";

/** What a client of the standard posts, as far as its stream depends on it. */
export interface PostedInput {
  readonly protocolVersion: unknown;
  readonly runId: string | null;
  readonly threadId: string | null;
  readonly messages: readonly unknown[];
}

const NOTHING_POSTED: PostedInput = {
  protocolVersion: undefined,
  runId: null,
  threadId: null,
  messages: [],
};

/** Reads a body; what is missing or of another type is as if it were not there. */
export function readPostedInput(bytes: Uint8Array): PostedInput {
  const body = parsed(bytes);
  if (!isObject(body)) return NOTHING_POSTED;
  const { messages, protocolVersion, protocol_version, runId, run_id, threadId, thread_id } = body;
  return {
    protocolVersion: protocolVersion ?? protocol_version,
    runId: textOf(runId) ?? textOf(run_id),
    threadId: textOf(threadId) ?? textOf(thread_id),
    messages: Array.isArray(messages) ? messages : [],
  };
}

/** The messages that the client has, in the form in which they are compared. */
export function knownMessages({ messages }: PostedInput, dialect: Dialect): Message[] {
  return mendMessages(messages, dialect);
}

function textOf(id: unknown): string | null {
  return typeof id === "string" && id !== "" ? id : null;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseExact(bytes);
  } catch {
    return null;
  }
}
