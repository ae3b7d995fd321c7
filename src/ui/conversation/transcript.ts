import type { AgUiEvent } from "../../client/index.ts";
import {
  type Call,
  contentParts,
  contentText,
  isObject,
  type Item,
  type MessageItem,
  type ReasoningItem,
  textOf,
} from "./items.ts";
import { Questions } from "./questions.ts";

/** Beyond so many items the oldest go: a page that is open for a week stays as small. */
const MAX_ITEMS = 20_000;

/**
 * A conversation as the events of its log make it, which `pushEvent` takes. They may begin anywhere: what began before the first one
 * is shown from there on. Snapshots are those of single runs, so that what they leave out stays, but for what the run itself said and its
 * snapshot says under another id.
 */
export class Transcript {
  readonly items: Item[] = [];
  readonly questions = new Questions();
  /** Runs that have begun and not ended, with the time of their beginning. */
  readonly openRuns = new Map<string, number | null>();
  /** Whether items were left out at the beginning. */
  isCut = false;
  readonly #byId = new Map<string, Item>();
  readonly #calls = new Map<string, Call>();
  /** Results that came before their calls. */
  readonly #results = new Map<string, Pick<Call, "result" | "isError">>();
  readonly #hidden = new Set<string>();
  /** What the run that is open has said, by the ids under which it streamed it. */
  #streamed = new Set<string>();
  /** Where deltas go that name no message, as chunks may do. */
  #lastMessage: string | null = null;
  #lastReasoning: string | null = null;
  #lastCall: string | null = null;
  #made = 0;

  /** Leaves the oldest items out when there are too many. */
  trim(): void {
    if (this.items.length <= MAX_ITEMS) return;
    this.isCut = true;
    for (const item of this.items.splice(0, MAX_ITEMS / 10)) {
      this.#byId.delete(item.id);
      if (item.kind === "message") for (const { id } of item.calls) this.#calls.delete(id);
    }
  }

  message(id: string, role: string): MessageItem {
    const known = this.#byId.get(id);
    if (known?.kind === "message") return known;
    return this.#add<MessageItem>({
      kind: "message",
      id,
      role,
      text: "",
      parts: [],
      calls: [],
      isOpen: false,
      isHidden: this.#hidden.has(id),
    });
  }

  text(event: AgUiEvent, change: "start" | "delta" | "end"): void {
    const given = textOf(event["messageId"]);
    const id = given || this.#lastMessage;
    if (!id) return;
    const message = this.message(id, textOf(event["role"]) || "assistant");
    if (change === "start" && event["role"]) message.role = textOf(event["role"]);
    message.text += textOf(event["delta"]);
    message.isOpen = change !== "end";
    this.#lastMessage = id;
    this.#streamed.add(id);
  }

  reasoning(event: AgUiEvent, change: "start" | "delta" | "end"): void {
    const given = textOf(event["messageId"]);
    const isNew = change === "start" && !given && this.#openReasoning() === null;
    const id = given || (isNew ? this.#newId() : this.#lastReasoning) || this.#newId();
    const known = this.#byId.get(`reasoning ${id}`);
    if (known === undefined && change === "end") return;
    const item =
      known?.kind === "reasoning"
        ? known
        : this.#add<ReasoningItem>(
            { kind: "reasoning", id: `reasoning ${id}`, text: "", isOpen: true },
            `reasoning ${id}`,
          );
    item.text += textOf(event["delta"]);
    item.isOpen = change !== "end";
    this.#lastReasoning = id;
  }

  call(event: AgUiEvent, change: "start" | "delta" | "end"): void {
    const id = textOf(event["toolCallId"]) || this.#lastCall;
    if (!id) return;
    const call = this.#calls.get(id) ?? this.#newCall(id, event);
    const name = textOf(event["toolCallName"]);
    if (name) call.name = name;
    call.args += textOf(event["delta"]);
    call.isOpen = change !== "end";
    this.#lastCall = id;
  }

  result(event: AgUiEvent | Readonly<Record<string, unknown>>): void {
    const id = textOf(event["toolCallId"]);
    const said = { result: contentText(event["content"]), isError: event["error"] != null };
    const call = this.#calls.get(id);
    if (!call) this.#results.set(id, said);
    else Object.assign(call, said, { isOpen: false });
  }

  snapshot(messages: readonly unknown[]): void {
    const given = messages.filter(isObject);
    this.#forgetRenamed(given);
    let before: Item | undefined;
    for (const message of given) before = this.#take(message, before) ?? before;
  }

  activity(event: AgUiEvent, content: unknown): void {
    const id = textOf(event["messageId"]);
    const known = this.#byId.get(id);
    const type = textOf(event["activityType"]);
    if (known?.kind === "activity") Object.assign(known, { type, content });
    else this.#add({ kind: "activity", id, type, content });
  }

  /** Its content as it was before deltas whose result is the server's to say. */
  activityIsOld(event: AgUiEvent): void {
    const known = this.#byId.get(textOf(event["messageId"]));
    if (known?.kind === "activity") known.content = { patched: event["patch"], was: known.content };
  }

  hide(id: string): void {
    this.#hidden.add(id);
    const known = this.#byId.get(id);
    if (known?.kind === "message") known.isHidden = true;
  }

  begin(event: AgUiEvent): void {
    this.openRuns.set(textOf(event["runId"]) || textOf(event["run_id"]), timeOf(event));
    this.#streamed = new Set();
    const input = event["input"];
    const messages = isObject(input) ? input["messages"] : undefined;
    if (Array.isArray(messages)) this.snapshot(messages);
  }

  end(event: AgUiEvent): void {
    const named = textOf(event["runId"]) || textOf(event["run_id"]);
    const runId = this.openRuns.has(named) ? named : ([...this.openRuns.keys()].at(-1) ?? named);
    const begun = this.openRuns.get(runId) ?? null;
    const ended = timeOf(event);
    this.openRuns.delete(runId);
    this.#close();
    const isError = event.type === "RUN_ERROR";
    const outcome = isObject(event["outcome"]) ? event["outcome"]["type"] : null;
    const status = isError
      ? "error"
      : outcome === "interrupt"
        ? "interrupted"
        : outcome === "cancelled"
          ? "cancelled"
          : "finished";
    this.#add({
      kind: "run-end",
      id: this.#newId(),
      runId,
      status,
      error: isError
        ? { message: textOf(event["message"]), code: textOf(event["code"]) || null }
        : null,
      ms: begun === null || ended === null ? null : Math.max(0, ended - begun),
    });
  }

  note(text: string): void {
    this.#add({ kind: "note", id: this.#newId(), text });
  }

  #take(message: Readonly<Record<string, unknown>>, before: Item | undefined): Item | null {
    const role = textOf(message["role"]);
    const id = textOf(message["id"]);
    if (role === "tool") {
      this.result(message);
      return null;
    }
    if (role === "activity") {
      this.activity({ type: "", ...message, messageId: id }, message["content"]);
      return this.#byId.get(id) ?? null;
    }
    if (role === "reasoning") {
      const known = this.#byId.get(`reasoning ${id}`);
      const text = contentText(message["content"]);
      if (known?.kind === "reasoning") Object.assign(known, { text });
      else
        this.#add(
          { kind: "reasoning", id: `reasoning ${id}`, text, isOpen: false },
          `reasoning ${id}`,
          before,
        );
      return this.#byId.get(`reasoning ${id}`) ?? null;
    }
    const known = this.#byId.get(id);
    const item =
      known?.kind === "message"
        ? known
        : this.#add<MessageItem>(
            {
              kind: "message",
              id,
              role,
              text: "",
              parts: [],
              calls: [],
              isOpen: false,
              isHidden: this.#hidden.has(id),
            },
            id,
            before,
          );
    item.role = role;
    // what is still streamed may be ahead of the snapshot
    if (message["content"] != null || !item.isOpen) item.text = contentText(message["content"]);
    item.parts = contentParts(message["content"]);
    const metadata = message["metadata"];
    if (isObject(metadata) && metadata["hidden"] === true) item.isHidden = true;
    const calls = Array.isArray(message["toolCalls"]) ? message["toolCalls"].filter(isObject) : [];
    for (const given of calls) this.#takeCall(given, item);
    return item;
  }

  #takeCall(given: Readonly<Record<string, unknown>>, of: MessageItem): void {
    const id = textOf(given["id"]);
    const said = isObject(given["function"]) ? given["function"] : {};
    const known = this.#calls.get(id);
    const call = known ?? this.#newCall(id, { type: "", parentMessageId: of.id });
    call.name = textOf(said["name"]) || call.name;
    if (!call.isOpen || !known) call.args = textOf(said["arguments"]) || call.args;
    if (!known) call.isOpen = false;
  }

  #newCall(id: string, event: AgUiEvent): Call {
    const call: Call = {
      id,
      name: "",
      args: "",
      result: null,
      isError: false,
      isOpen: true,
      ...this.#results.get(id),
    };
    this.#results.delete(id);
    this.#calls.set(id, call);
    // clients make a message of the call's id for one that has none
    const parent = textOf(event["parentMessageId"]) || id;
    this.message(parent, "assistant").calls.push(call);
    this.#streamed.add(parent);
    return call;
  }

  /** Decision 018: what the run itself said goes where its snapshot has something new of the same role. */
  #forgetRenamed(given: readonly Readonly<Record<string, unknown>>[]): void {
    const ids = new Set(given.map(({ id }) => textOf(id)));
    const fresh = new Set(
      given.filter(({ id }) => !this.#byId.has(textOf(id))).map(({ role }) => textOf(role)),
    );
    for (const id of this.#streamed) {
      const item = this.#byId.get(id);
      if (item?.kind !== "message" || ids.has(id) || !fresh.has(item.role)) continue;
      // its calls come again with the message that takes its place
      for (const call of item.calls) this.#calls.delete(call.id);
      for (const { id: callId, result, isError } of item.calls)
        if (result !== null) this.#results.set(callId, { result, isError });
      this.#byId.delete(id);
      this.items.splice(this.items.lastIndexOf(item), 1);
      this.#streamed.delete(id);
    }
  }

  #add<T extends Item>(item: T, key = item.id, after?: Item): T {
    this.#byId.set(key, item);
    const place = after && after !== this.items.at(-1) ? this.items.lastIndexOf(after) + 1 : 0;
    if (place > 0) this.items.splice(place, 0, item);
    else this.items.push(item);
    return item;
  }

  /** Nothing more comes of what is open. */
  #close(): void {
    for (const item of this.items.slice(-1_000)) {
      if (item.kind === "message" || item.kind === "reasoning") item.isOpen = false;
      if (item.kind === "message") for (const call of item.calls) call.isOpen = false;
    }
  }

  #openReasoning(): ReasoningItem | null {
    const last = this.#byId.get(`reasoning ${this.#lastReasoning}`);
    return last?.kind === "reasoning" && last.isOpen ? last : null;
  }

  #newId(): string {
    return `made ${this.#made++}`;
  }
}

function timeOf({ timestamp }: AgUiEvent): number | null {
  return typeof timestamp === "number" && Number.isFinite(timestamp) ? timestamp : null;
}
