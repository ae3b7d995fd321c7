import { FACT_KEYS, factsOf } from "../../ports/event-facts.ts";
import type { EventFacts } from "../../ports/runner-client.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";

/** The members that the server's events have: the ids of their run and a time. */
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
  | "agent-not-configured"
  | "producer-lost"
  | "run-too-long"
  | `pod-${string}`
  | "run-not-started"
  | "run-cancelled"
  | "server-restarted"
  | "server-shutdown"
  | "session-deleted"
  | "forked"
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

/** The CUSTOM event in which runlog stores what a run was posted with beside its messages. */
export const RUN_INPUT = "runlog:run-input";
/** The CUSTOM event before an event that a runner has sent under a name of runlog's own. */
export const FROM_RUNNER = "runlog:from-runner";
const RUN_INPUT_START = `{"type":"CUSTOM","name":"${RUN_INPUT}"`;
/** How the lines of these two begin. */
export const OWN_STARTS: readonly string[] = [
  RUN_INPUT_START,
  `{"type":"CUSTOM","name":"${FROM_RUNNER}"`,
];

/** Names of CUSTOM events that are believed, and that a runner may send all the same. */
const BELIEVED: ReadonlySet<string | null> = new Set([RUN_INPUT, FROM_RUNNER]);

/** Whether an event of a runner has a name by which it would be taken for one of runlog's own. */
export function looksOwn({ type, name }: Pick<EventFacts, "type" | "name">): boolean {
  return type === "CUSTOM" && BELIEVED.has(name);
}

/** The line that is stored before such an event: the event after it is the runner's. */
export function fromRunner({ name }: Pick<EventFacts, "name">): Uint8Array<ArrayBuffer> {
  return encodeEvent({ type: "CUSTOM", name: FROM_RUNNER, value: { name } });
}

/** A member of a RUN_INPUT: its name, and its value as JSON on one line, in pieces. */
export interface StoredMember {
  readonly name: string;
  readonly json: readonly Uint8Array<ArrayBuffer>[];
}

/** A RUN_INPUT line in pieces. `leftOut` names what was posted and is not in it. */
export function runInput(
  context: ServerEventContext,
  members: readonly StoredMember[],
  leftOut: readonly string[],
): Uint8Array<ArrayBuffer>[] {
  const ids = JSON.stringify(context).slice(1, -1);
  const pieces = [encoder.encode(`${RUN_INPUT_START},${ids},"value":{`)];
  for (const [index, { name, json }] of members.entries())
    pieces.push(encoder.encode(`${index > 0 ? "," : ""}${JSON.stringify(name)}:`), ...json);
  const comma = members.length > 0 ? "," : "";
  const said = leftOut.length > 0 ? `${comma}"leftOut":${JSON.stringify(leftOut)}` : "";
  pieces.push(encoder.encode(`${said}}}\n`));
  return pieces;
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
