import { EventLine } from "./event-line.ts";
import type { Message, ToolCall } from "./mend-message.ts";
import type { MessageList } from "./message-list.ts";
import type { ProfileStream } from "./profile-stream.ts";
import type { StateDocument } from "./state-document.ts";

/** A history that was read through the profile. */
interface ReadHistory {
  readonly profile: ProfileStream;
  readonly messages: MessageList;
  readonly state: StateDocument | null;
}

/** Members of an opener that what came since has overtaken, or that are of its own event alone. */
const OVERTAKEN = { metadata: null, rawEvent: null, timestamp: null };

/**
 * What a session has come to, said at once: which messages are hidden, all messages, the state, and
 * the beginnings of what is open, so that what follows can go on. Null when the messages or the state
 * were too large to be kept.
 */
export function restate({ profile, messages, state }: ReadHistory): EventLine[] | null {
  if (messages.isLost || !state || state.isLost) return null;
  const openers = profile.openers;
  const openCalls = new Set(openers.flatMap((opener) => opener.text("toolCallId") ?? []));
  const told: Message[] = [];
  const calls: { readonly parent: Message; readonly call: ToolCall }[] = [];
  for (const message of messages.messages) {
    const all = message.toolCalls ?? [];
    const first = all.findIndex(({ id }) => openCalls.has(id));
    if (first === -1) {
      told.push(message);
    } else {
      // older clients list a call twice that is started twice: what is open is streamed again
      told.push({ ...message, toolCalls: all.slice(0, first) });
      calls.push(...all.slice(first).map((call) => ({ parent: message, call })));
    }
  }
  return [
    ...[...profile.hiddenMessages].map(hidden),
    EventLine.of({ type: "MESSAGES_SNAPSHOT", messages: told }),
    ...(state.isSet || profile.isWarm ? [EventLine.of({ type: "STATE_SNAPSHOT", snapshot: state.value })] : []),
    ...calls.flatMap(({ parent, call }) => restateCall(parent, call, openCalls.has(call.id))),
    ...openers.filter((opener) => opener.text("type") !== "TOOL_CALL_START").map(openAgain),
  ];
}

function openAgain(opener: EventLine): EventLine {
  return opener.with(OVERTAKEN);
}

function hidden(messageId: string): EventLine {
  const event = { type: "message_metadata", messageId, hidden: true };
  return EventLine.of({ type: "RAW", event });
}

function restateCall(parent: Message, call: ToolCall, isOpen: boolean): EventLine[] {
  const { id: toolCallId, function: of, metadata, encryptedValue } = call;
  const ids = { toolCallId, toolCallName: of.name, parentMessageId: parent.id };
  const kept = metadata === undefined ? {} : { metadata };
  const lines = [EventLine.of({ type: "TOOL_CALL_START", ...ids, ...kept })];
  if (of.arguments !== "")
    lines.push(EventLine.of({ type: "TOOL_CALL_ARGS", toolCallId, delta: of.arguments }));
  if (encryptedValue !== undefined)
    lines.push(
      EventLine.of({
        type: "REASONING_ENCRYPTED_VALUE",
        subtype: "tool-call",
        entityId: toolCallId,
        encryptedValue,
      }),
    );
  if (!isOpen) lines.push(EventLine.of({ type: "TOOL_CALL_END", toolCallId }));
  return lines;
}
