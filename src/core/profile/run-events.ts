import {
  andThen,
  attempt,
  eachInSteps,
  eachThen,
  laterIf,
  type Rest,
  type Steps,
} from "../../stream/sync/steps.ts";
import { ChunkExpander, isChunk } from "./repair/chunk-expander.ts";
import { eventType } from "../model/event-types.ts";
import type { Dialect } from "./repair/dialect.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";
import { repairEvent, repairLongResult } from "./repair/repair-event.ts";
import { applyToMessages, resultOf } from "./client-view/apply-event.ts";
import type { MessageList } from "./client-view/message-list.ts";
import { type ItemKind, OpenItems } from "./client-view/open-items.ts";
import { RetiredThinking } from "./repair/thinking-events.ts";
import type { SubagentTags } from "./repair/subagent-tags.ts";
import type { MessageDelivery } from "./message-delivery.ts";
import type { ReportFault } from "./undelivered.ts";

export interface RunItemsOptions {
  readonly dialect: Dialect;
  readonly messages: MessageList;
  readonly tags: SubagentTags;
  readonly delivery: MessageDelivery;
  /** Sends a line; the next one may be sent only when the returned rest is complete. */
  readonly emit: (line: ParsedEvent) => Rest;
  /** Called for an event that could not be applied to the messages. */
  readonly onFault: ReportFault;
}

/** Most subagents of a run; further ones are sent as RAW. */
const MAX_SUBAGENTS = 4_096;

/**
 * Members of an opener that later events have superseded, or that belong to its own event alone.
 */
const SUPERSEDED = { metadata: null, rawEvent: null, timestamp: null };

/** The event as RAW, for one that clients of the standard would refuse. */
export function rawEvent(line: ParsedEvent): ParsedEvent {
  return ParsedEvent.raw(line);
}

/**
 * The events of one run but those that begin and end runs: each is sent as it is, repaired, or as
 * RAW if it is not valid where it stands. An item that is opened or closed twice is left out.
 */
export class RunItems {
  readonly #options: RunItemsOptions;
  readonly open: OpenItems = new OpenItems();
  readonly #openChunks = new ChunkExpander();
  readonly #subagents = new Set<string>();
  readonly #thinking = new RetiredThinking();

  constructor(options: RunItemsOptions) {
    this.#options = options;
  }

  /** Forgets the run; another one begins, with this id. */
  clear(runId = ""): void {
    this.#thinking.clear(runId);
    this.open.clear();
    this.#options.tags.clear();
    this.#openChunks.clear();
    this.#subagents.clear();
  }

  /** Whether the item is open that an event of this type would continue. */
  isOpenFor(type: string, id: string): boolean {
    const kind = eventType(type)?.item?.kind;
    return kind !== undefined && this.open.has(kind, id);
  }

  /**
   * The events that open the open items again for a client that has only the messages. An item
   * whose message has an owner takes its owner from there.
   */
  reopen(): ParsedEvent[] {
    const { dialect, messages, tags } = this.#options;
    tags.clear();
    if (dialect === "1.0") tags.seed(messages.messages, true);
    return this.open.openers.map((opener) => {
      const name = messages.callName(opener.text("toolCallId") ?? "");
      const renamed = name === null ? {} : { toolCallName: JSON.stringify(name) };
      return this.#fit(opener.text("type") ?? "", opener.with({ ...SUPERSEDED, ...renamed }));
    });
  }

  /** Closes all open items. */
  closeAll(): Rest {
    this.#openChunks.clear();
    const { open } = this;
    return laterIf(open.areMany, eachInSteps(open.closeAll(), this.#options.emit));
  }

  /** Ends the items that are assembled from chunks, as a snapshot of messages does. */
  closeChunks(): Rest {
    return this.#each(this.#openChunks.closeBefore("MESSAGES_SNAPSHOT", null));
  }

  take(given: string, line: ParsedEvent): Rest {
    return given === "TOOL_CALL_RESULT" && line.isLong
      ? this.#takeLongResult(line)
      : this.#take(given, line);
  }

  *#takeLongResult(line: ParsedEvent): Steps {
    const ready = yield* repairLongResult(line, this.#options.dialect);
    const rest = this.#take("TOOL_CALL_RESULT", line, ready);
    if (rest) yield* rest;
  }

  #take(given: string, line: ParsedEvent, ready: ParsedEvent = line): Rest {
    const { dialect, messages } = this.#options;
    const today = this.#thinking.translate(ready, given, (id) => messages.find(id) !== null);
    const type = today.text("type") ?? "";
    const repaired = repairEvent(today, type, dialect);
    if (!repaired) return this.#emit(rawEvent(line));
    if (!isChunk(type)) {
      const ends = this.#openChunks.closeBefore(type, repaired.text("subagentRunId"));
      return andThen(this.#each(ends), () => this.#item(repaired));
    }
    const events = this.#openChunks.expand(repaired, type, (kind, id) => this.open.has(kind, id));
    return events ? this.#each(events) : this.#emit(rawEvent(line));
  }

  #each(events: readonly ParsedEvent[]): Rest {
    return eachThen(events, (event) => this.#item(event));
  }

  #item(repaired: ParsedEvent): Rest {
    const type = repaired.text("type") ?? "";
    const item = eventType(type)?.item;
    if (!item) return this.#single(type, repaired);
    const { step, kind, idKey } = item;
    const id = repaired.text(idKey) ?? "";
    const owner = kind === "step" ? repaired.text("subagentRunId") : null;
    const line = this.#withParent(type, repaired);
    if (step === "start") return this.#start(type, line, { kind, id, owner });
    if (step === "delta") return this.#delta(type, line, { kind, id });
    if (this.open.close(kind, id, owner)) return this.#say(type, line);
    return this.#again(type, line);
  }

  /** What is open already, or closed already, may still have something to say. */
  #again(type: string, line: ParsedEvent): Rest {
    const name = this.#options.messages.callName(line.text("toolCallId") ?? "");
    const isRenamed = type === "TOOL_CALL_START" && name !== line.text("toolCallName");
    return isRenamed || line.kind("metadata") !== null ? this.#cannotSay(type, line) : undefined;
  }

  #start(
    type: string,
    line: ParsedEvent,
    { kind, id, owner }: { kind: ItemKind; id: string; owner: string | null },
  ): Rest {
    const { delivery, dialect, messages } = this.#options;
    const isMessage = kind === "text" || kind === "reasoning";
    if (this.open.has(kind, id, owner)) {
      // a snapshot may have removed the open item: then another of its id begins
      const isGone = isMessage ? !messages.has(id) : kind === "tool" && !messages.hasCall(id);
      if (!isGone) return this.#again(type, line);
      const end = this.open.end(kind, id, owner);
      if (end) this.#emit(end);
    }
    if (isMessage && messages.find(id)?.role === "activity") return this.#emit(rawEvent(line));
    const isCall = kind === "tool";
    // before 0.0.58 a client lists a call twice that is started twice
    const isTwice = isCall && dialect === "0.0" && messages.hasCall(id);
    if (isTwice) return this.#again(type, line);
    const isNewCall = isCall && !messages.hasCall(id);
    const target = isCall ? this.#messageOf(line) : id;
    const isNew = messages.find(target) === null;
    const isMade = isCall ? isNewCall : isMessage && isNew;
    const isHeldBack = isMessage
      ? delivery.isHeldBack(id, isNew)
      : (isNewCall && delivery.isHeldBack(target, true)) || (isCall && delivery.isCallHeldBack);
    if (isHeldBack) return this.#holdBack(type, line, isMessage || isNewCall ? target : null);
    const pending = isMade ? delivery.beforeMessage(target, true) : undefined;
    return andThen(pending, () =>
      andThen(isCall ? delivery.beforeCall() : undefined, () => {
        const isFollowed = dialect === "1.0" && !messages.isOverflowed;
        // clients keep the owner of what a snapshot removed; only another snapshot can replace it
        if (isFollowed && isMade && this.#options.tags.contradicts(type, line, isNew)) {
          return andThen(this.#cannotSay(type, line), () => {
            delivery.setUnsendable(target, isNew);
            return undefined;
          });
        }
        const fitting = this.#fit(type, line);
        if (this.open.open(kind, id, fitting, owner)) return this.#say(type, fitting);
        return this.#cannotSay(type, line);
      }),
    );
  }

  /** The id of the message that a call which starts is put into, or that is made for it. */
  #messageOf(start: ParsedEvent): string {
    const parentId = start.text("parentMessageId") ?? "";
    return parentId === "" ? (start.text("toolCallId") ?? "") : parentId;
  }

  /** A call whose parent is no message of the assistant has no parent. */
  #withParent(type: string, line: ParsedEvent): ParsedEvent {
    const parentId = type === "TOOL_CALL_START" ? line.text("parentMessageId") : null;
    const parent = parentId === null ? null : this.#options.messages.find(parentId);
    return parent && parent.role !== "assistant" ? line.with({ parentMessageId: null }) : line;
  }

  #delta(type: string, line: ParsedEvent, { kind, id }: { kind: ItemKind; id: string }): Rest {
    const { delivery, dialect, messages } = this.#options;
    if (dialect === "0.0" && kind !== "tool" && line.text("delta") === "") return undefined;
    const isMissing = kind !== "tool" && messages.has(id) && delivery.isHeldBack(id, false);
    if (isMissing) return this.#holdBack(type, line, id);
    if (this.open.has(kind, id)) return this.#say(type, line);
    if (kind === "tool") {
      const name = messages.callName(id);
      if (name === null) return this.#emit(rawEvent(line));
      if (dialect === "0.0") return this.#cannotSay(type, line);
      if (delivery.isCallHeldBack) return this.#holdBack(type, line, null);
      const opener = { type: "TOOL_CALL_START", toolCallId: id, toolCallName: name };
      return this.#reopened(opener, type, line, { kind, id });
    }
    const role = messages.find(id)?.role;
    if (!messages.has(id) || role === "activity") return this.#emit(rawEvent(line));
    const opener = kind === "text" ? "TEXT_MESSAGE_START" : "REASONING_MESSAGE_START";
    const own = kind === "text" ? {} : { role: "reasoning" };
    return this.#reopened({ type: opener, messageId: id, ...own }, type, line, { kind, id });
  }

  /** Continues an item that was closed. */
  #reopened(
    opener: Readonly<Record<string, unknown>>,
    type: string,
    line: ParsedEvent,
    { kind, id }: { kind: ItemKind; id: string },
  ): Rest {
    return andThen(this.#item(ParsedEvent.of(opener)), () =>
      this.open.has(kind, id) ? this.#say(type, line) : this.#cannotSay(type, line),
    );
  }

  #single(type: string, line: ParsedEvent): Rest {
    switch (type) {
      case "TOOL_CALL_RESULT":
        return this.#result(line);
      case "REASONING_ENCRYPTED_VALUE":
        return this.#sealed(line);
      case "ACTIVITY_SNAPSHOT":
      case "ACTIVITY_DELTA":
        return this.#activity(type, line);
      case "SUBAGENT_STARTED":
        return this.#startSubagent(line);
      case "SUBAGENT_FINISHED":
      case "SUBAGENT_ERROR": {
        const isOpen = this.open.close("subagent", line.text("subagentRunId") ?? "");
        return this.#emit(isOpen ? line : rawEvent(line));
      }
      default:
        return this.#say(type, line);
    }
  }

  /** A result whose id is known would be a second message of that id. */
  #result(line: ParsedEvent): Rest {
    const { delivery, messages } = this.#options;
    const result = resultOf(line);
    if (!messages.has(result.id)) {
      const owner = messages.callOf(result.toolCallId ?? "")?.entry.message.id ?? null;
      if (delivery.isResultHeldBack(result.id, owner))
        return this.#holdBack("TOOL_CALL_RESULT", line, result.id);
      return andThen(delivery.beforeResult(), () => this.#say("TOOL_CALL_RESULT", line));
    }
    const { isChanged, isRearranged } = messages.merge([result], { isOwn: false });
    if (!isChanged && messages.find(result.id)) return undefined;
    this.#emit(rawEvent(line));
    delivery.setStale(isRearranged);
    return undefined;
  }

  #sealed(line: ParsedEvent): Rest {
    const { delivery, messages } = this.#options;
    const id = line.text("entityId") ?? "";
    const isHeldBack = delivery.isCallHeldBack || delivery.isHeldBack(id, !messages.has(id));
    if (isHeldBack) return this.#holdBack("REASONING_ENCRYPTED_VALUE", line, id);
    return andThen(delivery.beforeCall(), () => this.#say("REASONING_ENCRYPTED_VALUE", line));
  }

  #activity(type: string, line: ParsedEvent): Rest {
    const { delivery, messages } = this.#options;
    const id = line.text("messageId") ?? "";
    const isNew = !messages.has(id);
    // a delta of an activity that is not there changes nothing
    const isHeldBack = (!isNew || type === "ACTIVITY_SNAPSHOT") && delivery.isHeldBack(id, isNew);
    return isHeldBack ? this.#holdBack(type, line, id) : this.#say(type, line);
  }

  #startSubagent(line: ParsedEvent): Rest {
    const id = line.text("subagentRunId") ?? "";
    const parent = line.text("parentSubagentRunId");
    const whole =
      parent === null || this.#subagents.has(parent)
        ? line
        : line.with({ parentSubagentRunId: null });
    const isNew = !this.#subagents.has(id) && this.#subagents.size < MAX_SUBAGENTS;
    if (!isNew || !this.open.open("subagent", id, whole)) return this.#emit(rawEvent(line));
    this.#subagents.add(id);
    return this.#emit(whole);
  }

  #fit(type: string, line: ParsedEvent): ParsedEvent {
    return this.#options.dialect === "1.0" ? this.#options.tags.fit(type, line) : line;
  }

  #emit(line: ParsedEvent): Rest {
    return this.#options.emit(line);
  }

  #say(type: string, line: ParsedEvent): Rest {
    const { delivery, messages } = this.#options;
    const id = line.text("messageId") ?? line.text("entityId");
    const pending = id === null ? undefined : delivery.beforeMessage(id, !messages.has(id));
    return andThen(pending, () => {
      // only now: a snapshot that was sent before decides the owners of messages
      const fitting = this.#fit(type, line);
      return andThen(this.#apply(type, fitting), () => this.#emit(fitting));
    });
  }

  /** Follows the messages; where that fails the client still has the event, and nothing says them anew. */
  #apply(type: string, line: ParsedEvent): Rest {
    const { messages, onFault } = this.#options;
    return attempt(
      () => applyToMessages(messages, type, line),
      (error) => {
        messages.lose();
        onFault(error, type);
        return undefined;
      },
    );
  }

  /** The messages become what the event says; the client learns it with the next snapshot. */
  #cannotSay(type: string, line: ParsedEvent): Rest {
    return andThen(this.#apply(type, line), () =>
      andThen(this.#emit(rawEvent(line)), () => {
        this.#options.delivery.setStale(type === "TOOL_CALL_START");
        return undefined;
      }),
    );
  }

  /**
   * As `#cannotSay`, for an event that has to wait for a snapshot; `id` is that of the message which it
   * makes or changes, null where that is not known.
   */
  #holdBack(type: string, line: ParsedEvent, id: string | null): Rest {
    const { delivery, messages } = this.#options;
    const isNew = id !== null && !messages.has(id);
    return andThen(this.#cannotSay(type, line), () => {
      delivery.heldBack(id, isNew);
      return undefined;
    });
  }
}
