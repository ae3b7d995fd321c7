import type { LogStore } from "../../ports/log-store.ts";
import type { Logger } from "../../ports/logger.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { inTurns, type Steps } from "../../stream/sync/steps.ts";
import type { TimeSlicer } from "../../stream/sync/time-slicer.ts";
import { isSameJson, parseExact } from "../model/exact-json.ts";
import { isObject } from "../model/json-fields.ts";
import { writeInSteps } from "../model/json-in-steps.ts";
import type { LearnedMessage, MessageDigest } from "../model/posted-message-ids.ts";
import { digestsOf } from "../runs/message-digest.ts";
import type { ReadStreamed, StreamedMessages } from "../runs/posted-transcript.ts";
import type { Session } from "../session/session.ts";
import { MessageList, type MergeResult } from "./client-view/message-list.ts";
import type { Entry } from "./client-view/message-order.ts";
import { Pass, type ProfileBudgets } from "./profile-pass.ts";
import type { Message, ToolCall } from "./repair/repair-message.ts";

export interface StreamedMessagesOptions {
  readonly store: LogStore;
  readonly budgets: ProfileBudgets;
  readonly logger: Logger;
}

/** Most bytes of a log that are read for it. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Members of a message that every client keeps. */
const CORE: ReadonlySet<string> = new Set(["id", "role", "content", "toolCalls", "toolCallId"]);
const CALL_CORE: ReadonlySet<string> = new Set(["id", "type", "function"]);

/**
 * Returns a function that reads the messages which a session's log says after `from`, the start of a
 * line between runs. Of more than 16 MiB the last are read, and nothing is known where the messages
 * take more memory than there is. What a later part of the log makes of a message of an earlier one
 * is not followed.
 */
export function createStreamedReader(options: StreamedMessagesOptions): ReadStreamed {
  return (session, from) => readStreamed(session, from, options);
}

async function readStreamed(
  session: Session,
  from: number,
  { store, budgets, logger }: StreamedMessagesOptions,
): Promise<StreamedMessages> {
  const readable = await session.readable();
  const end = session.log.position?.end ?? 0;
  const nothing: StreamedMessages = { ended: [], readTo: end, isCopy: () => false };
  if (!readable) return nothing;
  const start = {
    logId: readable.stat.logId,
    compact: null,
    // what comes before the first line break is a part of a line, and no event
    offset: Math.max(from > end ? 0 : from, readable.from, end - MAX_BYTES),
    full: null,
    isImported: readable.skippedLines !== null,
  };
  const use = { session, release() {} };
  const source = { store, start, dialect: "1.0", budgets, logger, isOver: () => true } as const;
  const pass = new Pass(use, source, false, { listOf: (options) => new RunMessages(options) });
  try {
    await pass.readHistory();
    const { messages, profile } = pass;
    if (!(messages instanceof RunMessages) || messages.isOverflowed) return nothing;
    const runStart = profile.openRunStart;
    const isOpen = ({ id }: Message): boolean => runStart !== null && messages.ofRun.has(id);
    const all = messages.messages;
    const ended: LearnedMessage[] = [];
    for (const message of all)
      if (!isOpen(message)) ended.push(await learned(message, budgets.turns));
    const open = new Map(all.filter(isOpen).map((message) => [message.id, message]));
    return {
      ended,
      readTo: runStart ?? end,
      isCopy: ({ id, posted }) => isCopy(open.get(id), posted),
    };
  } finally {
    pass.close();
  }
}

/** Messages of which it is known which the open run has made. */
class RunMessages extends MessageList {
  readonly ofRun = new Set<string>();

  override beginRun(): void {
    this.ofRun.clear();
    super.beginRun();
  }

  override push(message: Message): Entry {
    this.ofRun.add(message.id);
    return super.push(message);
  }

  override pushResult(message: Message): void {
    this.ofRun.add(message.id);
    super.pushResult(message);
  }

  override *mergeInSteps(
    messages: readonly Message[],
    options: { readonly isOwn?: boolean } = {},
  ): Steps<MergeResult> {
    const merged = yield* super.mergeInSteps(messages, options);
    if (options.isOwn) for (const { id } of merged.added) this.ofRun.add(id);
    return merged;
  }
}

async function learned(message: Message, turns: TimeSlicer): Promise<LearnedMessage> {
  const whole = await digestOf(message, turns);
  const core = coreOf(message);
  return { whole, core: core && (await digestOf(core, turns)).content };
}

async function digestOf(message: Message, turns: TimeSlicer): Promise<MessageDigest> {
  const posted = concatBytes(await inTurns(writeInSteps(message), turns));
  const [digest] = await digestsOf([{ id: message.id, posted }]);
  return digest ?? { id: 0, content: 0 };
}

/** The message without what some clients drop, metadata for one; null if there is nothing of it. */
function coreOf(message: Message): Message | null {
  const { id, role, content, toolCalls, toolCallId } = message;
  if (role === "activity") return null;
  const isCore = isOf(message, CORE) && (toolCalls ?? []).every((call) => isOf(call, CALL_CORE));
  if (isCore) return null;
  const calls = toolCalls?.map(({ id: callId, type, function: of }): ToolCall => ({
    id: callId,
    type,
    function: of,
  }));
  return {
    id,
    role,
    ...(content !== undefined && { content }),
    ...(calls && { toolCalls: calls }),
    ...(toolCallId !== undefined && { toolCallId }),
  };
}

function isOf(value: object, keys: ReadonlySet<string>): boolean {
  return Object.entries(value).every(([key, member]) => keys.has(key) || member === undefined);
}

/**
 * Whether a posted message says what the open run has streamed under its id, or less of it: its
 * client may be a moment behind.
 */
function isCopy(streamed: Message | undefined, posted: Uint8Array): boolean {
  const message: unknown = streamed && parseExact(posted);
  if (!streamed || !isObject(message)) return false;
  return Object.entries(message).every(([key, value]) => {
    if (value === null) return true;
    const own: unknown = Object.entries(streamed).find(([name]) => name === key)?.[1];
    if (key === "content") return isBegun(own, value) || (own === undefined && value === "");
    if (key === "toolCalls") return Array.isArray(value) && value.every(isCallOf(streamed));
    return isSameJson(own, value);
  });
}

function isCallOf({ toolCalls = [] }: Message): (posted: unknown) => boolean {
  return (posted) => {
    const own = isObject(posted) && toolCalls.find(({ id }) => id === posted["id"]);
    const of = isObject(posted) ? posted["function"] : null;
    if (!own || !isObject(of)) return false;
    return of["name"] === own.function.name && isBegun(own.function.arguments, of["arguments"]);
  };
}

/** Whether `posted` is a beginning of the text, or the same value. */
function isBegun(own: unknown, posted: unknown): boolean {
  if (typeof own === "string" && typeof posted === "string") return own.startsWith(posted);
  return isSameJson(own, posted);
}
