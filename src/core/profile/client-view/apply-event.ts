import { andThen, eachInSteps, laterIf, type Rest } from "../../../stream/sync/steps.ts";
import { isObject } from "../../model/json-fields.ts";
import type { ParsedEvent } from "../repair/parsed-event.ts";
import type { Message, ToolCall } from "../repair/repair-message.ts";
import { jsonChars } from "./message-chars.ts";
import type { MessageList } from "./message-list.ts";
import type { Entry } from "./message-order.ts";
import { patchActivity } from "./patch-activity.ts";

/** Does to messages what an event does to them at a client; a snapshot of messages is for `merge`. */
export function applyToMessages(list: MessageList, type: string, line: ParsedEvent): Rest {
  const rest = HANDLERS.get(type)?.(list, line);
  return andThen(rest ?? undefined, () => {
    list.settle();
    return undefined;
  });
}

/** The message that a TOOL_CALL_RESULT makes. */
export function resultOf(line: ParsedEvent): Message {
  const id = line.text("messageId") ?? "";
  const toolCallId = line.text("toolCallId") ?? "";
  // mostly a text, which is read once
  const content = line.text("content") ?? line.exact("content");
  return { id, role: "tool", content, toolCallId, ...tagOf(line), ...metadataOf(line) };
}

type Handler = (list: MessageList, line: ParsedEvent) => Rest | void;

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ["TEXT_MESSAGE_START", (list, line) => startText(list, line, line.text("role") ?? "assistant")],
  ["REASONING_MESSAGE_START", (list, line) => startText(list, line, "reasoning")],
  ["TEXT_MESSAGE_CONTENT", appendText],
  ["REASONING_MESSAGE_CONTENT", appendText],
  ["TEXT_MESSAGE_END", endText],
  ["REASONING_MESSAGE_END", endText],
  ["TOOL_CALL_START", startCall],
  ["TOOL_CALL_ARGS", appendArguments],
  ["TOOL_CALL_END", endCall],
  ["TOOL_CALL_RESULT", (list, line) => list.pushResult(resultOf(line))],
  ["ACTIVITY_SNAPSHOT", setActivity],
  ["ACTIVITY_DELTA", changeActivity],
  ["REASONING_ENCRYPTED_VALUE", setEncrypted],
]);

function startText(list: MessageList, line: ParsedEvent, role: string): Rest {
  const id = line.text("messageId") ?? "";
  const known = list.entryOf(id);
  if (known?.message.role === "activity") return undefined;
  if (known) return addMetadata(list, known, known.message, line);
  const name = line.text("name");
  const named = name !== null && role !== "reasoning" ? { name } : {};
  list.push({ id, role, content: "", ...named, ...tagOf(line), ...metadataOf(line) });
  return undefined;
}

function appendText(list: MessageList, line: ParsedEvent): Rest {
  const entry = list.entryOf(line.text("messageId") ?? "");
  if (!entry || entry.message.role === "activity") return undefined;
  const { content } = entry.message;
  const delta = line.text("delta") ?? "";
  entry.message.content = `${typeof content === "string" ? content : ""}${delta}`;
  list.grew(entry, delta.length);
  return addMetadata(list, entry, entry.message, line);
}

function endText(list: MessageList, line: ParsedEvent): Rest {
  const entry = list.entryOf(line.text("messageId") ?? "");
  if (!entry || entry.message.role === "activity") return undefined;
  return addMetadata(list, entry, entry.message, line);
}

function startCall(list: MessageList, line: ParsedEvent): Rest {
  const id = line.text("toolCallId") ?? "";
  const name = line.text("toolCallName") ?? "";
  const known = list.callOf(id);
  if (known) {
    const { function: of } = known.call;
    list.grew(known.entry, name.length - of.name.length);
    of.name = name;
    return addMetadata(list, known.entry, known.call, line);
  }
  const parentId = line.text("parentMessageId");
  const parent = parentId ? list.entryOf(parentId) : undefined;
  let entry = parent?.message.role === "assistant" ? parent : undefined;
  const ownId = parentId && !parent ? parentId : id;
  // beside another message of its id, what is made for the call gets no owner
  const tag = list.entryOf(ownId) ? {} : tagOf(line);
  entry ??= list.push({ id: ownId, role: "assistant", toolCalls: [], ...tag });
  const call: ToolCall = {
    id,
    type: "function",
    function: { name, arguments: "" },
    ...metadataOf(line),
  };
  list.addCall(entry, call);
  return undefined;
}

function appendArguments(list: MessageList, line: ParsedEvent): Rest {
  const known = list.callOf(line.text("toolCallId") ?? "");
  if (!known) return undefined;
  const delta = line.text("delta") ?? "";
  known.call.function.arguments += delta;
  list.grew(known.entry, delta.length);
  return addMetadata(list, known.entry, known.call, line);
}

function endCall(list: MessageList, line: ParsedEvent): Rest {
  const known = list.callOf(line.text("toolCallId") ?? "");
  return known ? addMetadata(list, known.entry, known.call, line) : undefined;
}

function setActivity(list: MessageList, line: ParsedEvent): Rest {
  const id = line.text("messageId") ?? "";
  const entry = list.entryOf(id);
  const activityType = line.text("activityType") ?? "";
  const activity: Message = {
    id,
    role: "activity",
    activityType,
    content: line.exact("content"),
    ...tagOf(line),
  };
  const known = entry?.message.role === "activity" ? entry.message : null;
  if (!entry) {
    list.push({ ...activity, ...metadataOf(line) });
    return undefined;
  }
  const kept = known?.metadata ? { metadata: known.metadata } : {};
  if (line.json("replace") !== false) list.replace(entry, { ...activity, ...kept });
  return addMetadata(list, entry, entry.message, line);
}

function changeActivity(list: MessageList, line: ParsedEvent): Rest {
  const entry = list.entryOf(line.text("messageId") ?? "");
  if (entry?.message.role !== "activity") return undefined;
  const patch = line.exact("patch");
  const activityType = line.text("activityType") ?? "";
  const by = { patch, activityType, eventBytes: line.bytes.length };
  const added = addMetadata(list, entry, entry.message, line);
  return andThen(added, () => patchActivity(list, entry, by));
}

function setEncrypted(list: MessageList, line: ParsedEvent): void {
  const id = line.text("entityId") ?? "";
  const known = line.text("subtype") === "tool-call" ? list.callOf(id) : undefined;
  const entry = line.text("subtype") === "message" ? list.entryOf(id) : known?.entry;
  const target = known?.call ?? entry?.message;
  if (!entry || !target || ("role" in target && target.role === "activity")) return;
  const type = line.text("encryptedValueType");
  target.encryptedValue = line.text("encryptedValue") ?? "";
  // a type describes one value, and goes with it
  if (type === null) delete target.encryptedValueType;
  else target.encryptedValueType = type;
  list.grew(entry, target.encryptedValue.length + (type?.length ?? 0));
}

function addMetadata(
  list: MessageList,
  entry: Entry,
  target: Message | ToolCall,
  line: ParsedEvent,
): Rest {
  const { metadata } = metadataOf(line);
  if (!metadata) return undefined;
  // in place: a copy for each delta would cost what all before it have said
  const own = (target.metadata ??= {});
  const added = eachInSteps(Object.entries(metadata), ([key, value]) => {
    const before = Object.hasOwn(own, key) ? jsonChars(own[key]) : -key.length;
    // `__proto__` is a name like any other
    Object.defineProperty(own, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    list.grew(entry, jsonChars(value) - before);
  });
  return laterIf(line.isLong, added);
}

function tagOf(line: ParsedEvent): { readonly subagentRunId?: string } {
  const subagentRunId = line.text("subagentRunId");
  return subagentRunId === null ? {} : { subagentRunId };
}

function metadataOf(line: ParsedEvent): { readonly metadata?: Record<string, unknown> } {
  const metadata = line.exact("metadata");
  return isObject(metadata) ? { metadata } : {};
}
