import { FACT_KEYS, factsOf } from "../../ports/event-facts.ts";
import type { EventFacts } from "../../ports/runner-client.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";

/** The members that runlog's own events have: the ids of their run and a time. */
export interface ServerEventContext {
  readonly threadId: string;
  readonly runId: string;
  /** Epoch ms. */
  readonly timestamp: number;
}

/** Why a run ended without a terminal event of its runner: `code` of the RUN_ERROR. */
export type RunErrorCode =
  | "runner-unavailable"
  | "runner-unreachable"
  | "runner-not-an-event-stream"
  | `runner-http-${number}`
  | "runner-disconnected"
  | "runner-lost-run"
  | "run-too-long"
  | `pod-${string}`
  | "run-not-started"
  | "run-cancelled"
  | "server-restarted"
  | "server-shutdown"
  | "session-deleted"
  | "store-failed"
  | "internal";

const encoder = new TextEncoder();
const LF = 10;

/** An event as the line of a log. */
function encodeEvent(event: Readonly<Record<string, unknown>>): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${JSON.stringify(event)}\n`);
}

/**
 * A RUN_STARTED. `runnerRunId` is the id that the runner uses for the run, where it is another one;
 * "" for none.
 */
export function runStarted(
  context: ServerEventContext,
  runnerRunId: string | null = null,
): Uint8Array<ArrayBuffer> {
  return encodeEvent({
    type: "RUN_STARTED",
    ...context,
    ...(runnerRunId !== null && { runnerRunId }),
  });
}

/** The end of a run that somebody has cancelled. */
export function runCancelled(context: ServerEventContext): Uint8Array<ArrayBuffer> {
  return encodeEvent({ type: "RUN_FINISHED", ...context, outcome: { type: "cancelled" } });
}

export function runError(
  context: ServerEventContext,
  message: string,
  code: RunErrorCode,
): Uint8Array<ArrayBuffer> {
  return encodeEvent({ type: "RUN_ERROR", ...context, message, code });
}

/** An event that asks clients to hide a message; it comes before the message itself. */
export function hiddenMessage(
  context: ServerEventContext,
  messageId: string,
): Uint8Array<ArrayBuffer> {
  const event = { type: "message_metadata", messageId, hidden: true };
  return encodeEvent({ type: "RAW", ...context, event });
}

/** A MESSAGES_SNAPSHOT line around messages that are given as bytes and stay unchanged. */
export function messagesSnapshot(
  context: ServerEventContext,
  messages: readonly (readonly Uint8Array<ArrayBuffer>[])[],
): Uint8Array<ArrayBuffer>[] {
  const head = JSON.stringify({ type: "MESSAGES_SNAPSHOT", ...context }).slice(0, -1);
  const pieces = [encoder.encode(`${head},"messages":[`)];
  for (const [index, message] of messages.entries()) {
    if (index > 0) pieces.push(encoder.encode(","));
    pieces.push(...message);
  }
  pieces.push(Uint8Array.of(0x5d, 0x7d, LF));
  return pieces;
}

/** The facts of an event that was encoded here, in any number of pieces. */
export function factsOfLine(...pieces: readonly Uint8Array[]): EventFacts {
  const scanner = new JsonObjectScanner(FACT_KEYS);
  let bytes = 0;
  for (const piece of pieces) {
    scanner.push(piece, 0, piece.length);
    bytes += piece.length;
  }
  return factsOf(scanner, bytes);
}
