/** An event of a stream, as a producer says it: nothing keeps it from being malformed. */
export type Event = Readonly<Record<string, unknown>> & { readonly type: string };

export type Message = Readonly<Record<string, unknown>>;

/** What a client of the standard holds. */
export interface Held {
  readonly messages?: readonly Message[];
  readonly state?: unknown;
}

/** A stream, and what the standard has a client make of it. */
export interface Case {
  /** What the stream shows, to follow a colon. */
  readonly name: string;
  readonly stream: readonly Event[];
  /** What the client holds after it. */
  readonly held: Required<Held>;
  /** Events that have to reach the client by way of the profile, in this order, by these members. */
  readonly told: readonly Event[];
}

/** A stream that the client does not take; `held` is what it has of the profile of the same log. */
export interface RefusedCase extends Case {
  /** Part of the client's complaint. */
  readonly complaint: string;
}

const THREAD = "s1";

/** A stream that the client takes. */
export function accepted(
  name: string,
  stream: readonly Event[],
  held: Held,
  told: readonly Event[] = [],
): Case {
  return { name, stream, held: { messages: [], state: {}, ...held }, told };
}

/** A stream that the client refuses with this complaint. */
export function refused(
  name: string,
  stream: readonly Event[],
  complaint: string,
  held: Held = {},
  told: readonly Event[] = [],
): RefusedCase {
  return { ...accepted(name, stream, held, told), complaint };
}

export function event(type: string, members: Record<string, unknown> = {}): Event {
  return { type, ...members };
}

export function started(runId = "r1", members: Record<string, unknown> = {}): Event {
  return event("RUN_STARTED", { threadId: THREAD, runId, ...members });
}

export function finished(runId = "r1", members: Record<string, unknown> = {}): Event {
  return event("RUN_FINISHED", { threadId: THREAD, runId, ...members });
}

/** One run from its begin to its end. */
export function run(...events: readonly Event[]): Event[] {
  return [started("r1", { protocolVersion: "1.0" }), ...events, finished()];
}

/** A streamed text of the assistant, from its start to its end. */
export function text(messageId: string, ...deltas: readonly string[]): Event[] {
  return [
    event("TEXT_MESSAGE_START", { messageId, role: "assistant" }),
    ...deltas.map((delta) => event("TEXT_MESSAGE_CONTENT", { messageId, delta })),
    event("TEXT_MESSAGE_END", { messageId }),
  ];
}

/** A streamed call of the tool `look`, from its start to its end. */
export function call(toolCallId: string, parentMessageId: string, ...deltas: string[]): Event[] {
  return [
    event("TOOL_CALL_START", { toolCallId, toolCallName: "look", parentMessageId }),
    ...deltas.map((delta) => event("TOOL_CALL_ARGS", { toolCallId, delta })),
    event("TOOL_CALL_END", { toolCallId }),
  ];
}

/** The same events, said by a subagent. */
export function by(subagentRunId: string, events: readonly Event[]): Event[] {
  return events.map((said) => ({ ...said, subagentRunId }));
}

export function patch(...delta: readonly Record<string, unknown>[]): Event {
  return event("STATE_DELTA", { delta });
}

export function state(snapshot: unknown): Event {
  return event("STATE_SNAPSHOT", { snapshot });
}

/** A message of the assistant as a client has it. */
export function answer(
  id: string,
  content: string,
  members: Record<string, unknown> = {},
): Message {
  return { id, role: "assistant", content, ...members };
}

/** A call of the tool `look` as the message of a client has it. */
export function called(id: string, args: string, members: Record<string, unknown> = {}): Message {
  return { id, type: "function", function: { name: "look", arguments: args }, ...members };
}
