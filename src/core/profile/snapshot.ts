import type { TimeSlicer } from "../../stream/sync/time-slicer.ts";
import { inTurns, type Steps } from "../../stream/sync/steps.ts";
import { writeInSteps } from "../model/json-in-steps.ts";
import type { Dialect } from "./repair/dialect.ts";
import { MAX_EVENT_BYTES } from "./repair/max-event-bytes.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";
import { repairEvent } from "./repair/repair-event.ts";
import type { Message, ToolCall } from "./repair/repair-message.ts";
import type { MessageList } from "./client-view/message-list.ts";
import type { ProfileStream } from "./profile-stream.ts";
import type { StateDocument } from "./client-view/state-document.ts";
import { snapshotOf } from "./client-view/pending-messages.ts";

/** A history that was read through the profile. */
interface ReadHistory {
  readonly profile: ProfileStream;
  readonly messages: MessageList;
  readonly state: StateDocument | null;
}

/**
 * A snapshot of the session as a list of events: hidden messages, all messages, the state, and the
 * openers of open items, so that later events can go on. Null when the messages or the state are
 * not known exactly, or too large to be kept.
 */
export async function sessionSnapshot(
  { profile, messages, state }: ReadHistory,
  dialect: Dialect,
  turns: TimeSlicer,
): Promise<ParsedEvent[] | null> {
  if (messages.isOverflowed || !state || state.isOverflowed || !profile.undelivered.isNothing)
    return null;
  if (profile.interrupts.isOverflowed) return null;
  closeRemoved(profile, messages);
  const { pending, calls } = withoutOpenCalls(messages, profile, dialect);
  const again = new Set(calls.map(({ call }) => call.id));
  const open = new Set(openCalls(profile));
  const all = await inTurns(snapshotOf(pending), turns);
  for (const line of all) if (await inTurns(isTooLarge(line), turns)) return null;
  return [
    ...[...profile.hiddenMessages].map(hidden),
    ...all,
    ...(state.isSet || profile.isWarm ? await inTurns(writeStates(state.values), turns) : []),
    ...profile.interrupts.customs.map((line) => repairEvent(line, "CUSTOM", dialect) ?? line),
    ...calls.flatMap(({ parent, call }) => callEvents(parent, call, open.has(call.id))),
    ...profile.items.reopen().filter((opener) => !again.has(opener.text("toolCallId") ?? "")),
  ];
}

/** Forgets open items that a snapshot has removed: opening them again would make new ones. */
export function closeRemoved(profile: ProfileStream, messages: MessageList): void {
  for (const id of openCalls(profile))
    if (!messages.hasCall(id)) profile.items.open.close("tool", id);
  for (const id of openMessages(profile)) {
    if (messages.has(id)) continue;
    profile.items.open.close("text", id);
    profile.items.open.close("reasoning", id);
  }
}

/** Whether a client would give up at an event: it counts characters, of which bytes are never fewer. */
function* isTooLarge({ bytes }: ParsedEvent): Steps<boolean> {
  if (bytes.length <= MAX_EVENT_BYTES) return false;
  const decoder = new TextDecoder();
  let chars = 0;
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    chars += decoder.decode(bytes.subarray(at, at + STEP_BYTES), { stream: true }).length;
    yield;
  }
  return chars > MAX_EVENT_BYTES;
}

/** So many bytes are decoded in one step. */
const STEP_BYTES = 1024 * 1024;

const MESSAGE_STARTS: ReadonlySet<string> = new Set([
  "TEXT_MESSAGE_START",
  "REASONING_MESSAGE_START",
]);

const encoder = new TextEncoder();
const STATE_START = encoder.encode('{"type":"STATE_SNAPSHOT","snapshot":');
const CLOSE = encoder.encode("}");

function* writeStates(values: readonly unknown[]): Steps<ParsedEvent[]> {
  const lines: ParsedEvent[] = [];
  for (const value of values)
    lines.push(yield* ParsedEvent.joined([STATE_START, ...(yield* writeInSteps(value)), CLOSE]));
  return lines;
}

interface PlacedCall {
  readonly parent: Message;
  readonly call: ToolCall;
}

/**
 * The messages without the open tool calls, which have to be streamed again: clients before 0.0.58
 * list a call twice that is started twice. The calls after an open one in its message are left out
 * as well, to keep their order.
 */
function withoutOpenCalls(
  messages: MessageList,
  profile: ProfileStream,
  dialect: Dialect,
): { readonly pending: readonly Message[]; readonly calls: readonly PlacedCall[] } {
  if (dialect === "1.0") return { pending: messages.messages, calls: [] };
  const open = new Set(openCalls(profile));
  // a call that is there twice cannot be streamed into one of its places: it is sent when the run
  // ends
  for (const id of open)
    if (isTwice(messages, id)) {
      open.delete(id);
      profile.items.open.close("tool", id);
    }
  const calls: PlacedCall[] = [];
  const pending = messages.messages.map((message) => {
    const all = message.toolCalls ?? [];
    const first = all.findIndex(({ id }) => open.has(id));
    if (first === -1) return message;
    calls.push(...all.slice(first).map((call) => ({ parent: message, call })));
    return { ...message, toolCalls: all.slice(0, first) };
  });
  return { pending, calls };
}

/** Whether two messages have a call of this id, or one message has it twice. */
function isTwice(messages: MessageList, toolCallId: string): boolean {
  if (messages.isDoubled(toolCallId)) return true;
  const calls = messages.callOf(toolCallId)?.entry.message.toolCalls ?? [];
  return calls.filter(({ id }) => id === toolCallId).length > 1;
}

/** The ids of the open tool calls. */
function openCalls(profile: ProfileStream): string[] {
  return profile.items.open.openers.flatMap((opener) => {
    const id = opener.text("toolCallId");
    return id === null ? [] : [id];
  });
}

/** The ids of the open messages. */
function openMessages(profile: ProfileStream): string[] {
  return profile.items.open.openers.flatMap((opener) => {
    const isMessage = MESSAGE_STARTS.has(opener.text("type") ?? "");
    return isMessage ? [opener.text("messageId") ?? ""] : [];
  });
}

function hidden(messageId: string): ParsedEvent {
  const event = { type: "message_metadata", messageId, hidden: true };
  return ParsedEvent.of({ type: "RAW", event });
}

function callEvents(parent: Message, call: ToolCall, isOpen: boolean): ParsedEvent[] {
  const { id: toolCallId, function: of, metadata, encryptedValue, encryptedValueType } = call;
  const ids = { toolCallId, toolCallName: of.name, parentMessageId: parent.id };
  const kept = metadata === undefined ? {} : { metadata };
  const lines = [ParsedEvent.of({ type: "TOOL_CALL_START", ...ids, ...kept })];
  if (of.arguments !== "")
    lines.push(ParsedEvent.of({ type: "TOOL_CALL_ARGS", toolCallId, delta: of.arguments }));
  if (encryptedValue !== undefined)
    lines.push(
      ParsedEvent.of({
        type: "REASONING_ENCRYPTED_VALUE",
        subtype: "tool-call",
        entityId: toolCallId,
        encryptedValue,
        ...(encryptedValueType !== undefined && { encryptedValueType }),
      }),
    );
  if (!isOpen) lines.push(ParsedEvent.of({ type: "TOOL_CALL_END", toolCallId }));
  return lines;
}
