import { createRequire } from "node:module";
import type { Followed } from "../support/agui-clients.ts";

type Event = Record<string, unknown> & { readonly type: string };
type Message = Record<string, unknown> & { readonly id: string };

interface Applied {
  messages?: Message[];
  state?: unknown;
}

const load = createRequire(import.meta.url);
const client = load("@ag-ui/client") as {
  defaultApplyEvents(
    input: unknown,
    events: unknown,
    agent: unknown,
    subscribers: readonly unknown[],
  ): { forEach(take: (mutation: Applied) => void): Promise<void> };
};
// of the client's own, so that its operators take it
const rxjs = createRequire(load.resolve("@ag-ui/client"))("rxjs") as {
  from(events: readonly unknown[]): unknown;
};

/**
 * What a log means, told apart from the profile: the reducer of `@ag-ui/client` 1.0 over the events
 * themselves, without its checks. Only what the profile promises differently is said here: snapshots
 * belong to one run and drop nothing that they do not have under another id, events outside of runs belong to the next, and what the caller
 * of a run said comes when it begins.
 */
export async function meaningOf(lines: readonly string[]): Promise<Followed> {
  const meaning = new Meaning();
  for (const line of lines) await meaning.take(JSON.parse(line) as Event);
  await meaning.finish();
  return { messages: meaning.messages, state: meaning.state };
}

/** The client passes over what is an operation, but of a kind that RFC 6902 does not know. */
function isKnown(operation: unknown): boolean {
  if (typeof operation !== "object" || operation === null) return true;
  const { op } = operation as { op?: unknown };
  return /^(add|remove|replace|move|copy|test)$/.test(String(op));
}

/** Whether it is what runlog stores of a run that was posted with a state. */
function isInput(event: Event): boolean {
  return event["name"] === "runlog:run-input";
}

class Meaning {
  messages: Message[] = [];
  state: unknown = {};
  #batch: Event[] = [];
  #open: string | null = null;
  readonly #seen = new Set<string>();
  #held: Event[] = [];
  /**
   * Ids of the messages that were there before the run, or that others have said, and how many have each:
   * what the run makes under the same id comes after these.
   */
  #others = new Map<string, number>();
  /** Whether what is applied is of the open run. */
  #isOwn = false;

  async take({ name, ...rest }: Event): Promise<void> {
    // a name that is null is none
    const event = { ...rest, ...(name !== null && name !== undefined && { name }) } as Event;
    const runId = typeof event["runId"] === "string" ? event["runId"] : null;
    const isOwn = runId === null || runId === this.#open;
    this.#isOwn = isOwn;
    switch (event.type) {
      case "RUN_STARTED":
        return this.#begin(event, runId ?? "");
      case "RUN_FINISHED":
        if (this.#open !== null && isOwn) this.#open = null;
        return;
      case "RUN_ERROR":
        return;
      default: {
        const isSaid = event.type === "MESSAGES_SNAPSHOT" || event.type === "RAW";
        const isForeign = !isOwn && (isInput(event) || (isSaid && !this.#seen.has(runId)));
        if (this.#open === null || isForeign) this.#held.push(event);
        else await this.#apply(event);
      }
    }
  }

  async finish(): Promise<void> {
    const held = this.#held;
    this.#isOwn = false;
    for (const event of held.filter(({ type }) => type === "MESSAGES_SNAPSHOT"))
      await this.#apply(event);
    for (const event of held.filter(({ type }) => type !== "MESSAGES_SNAPSHOT"))
      await this.#apply(event);
    await this.#flush();
  }

  async #begin(event: Event, runId: string): Promise<void> {
    this.#open = runId;
    this.#seen.add(runId);
    const isNext = (held: Event): boolean => {
      const owner = held["runId"];
      if (isInput(held)) return owner === runId;
      return typeof owner !== "string" || owner === runId || this.#seen.has(owner);
    };
    this.#isOwn = false;
    const mine = this.#held.filter(isNext);
    this.#held = this.#held.filter((held) => !isNext(held));
    for (const held of mine.filter(({ type }) => type === "MESSAGES_SNAPSHOT"))
      await this.#apply(held);
    await this.#flush();
    const input = event["input"] as { messages: Message[] } | undefined;
    for (const message of input?.messages ?? [])
      if (!this.messages.some(({ id }) => id === message.id)) this.messages.push(message);
    this.#others = new Map();
    for (const { id } of this.messages) this.#addOther(id);
    for (const held of mine.filter(({ type }) => type !== "MESSAGES_SNAPSHOT"))
      await this.#apply(held);
  }

  async #apply(event: Event): Promise<void> {
    if (isInput(event)) {
      await this.#flush();
      this.state = (event["value"] as { state: unknown }).state;
    } else if (event.type === "MESSAGES_SNAPSHOT") {
      await this.#flush();
      this.#union(event["messages"] as Message[]);
    } else if (event.type === "TOOL_CALL_RESULT") {
      await this.#flush();
      await this.#result(event);
    } else if (event.type === "TEXT_MESSAGE_CHUNK") {
      const { messageId, delta, subagentRunId } = event;
      this.#batch.push({ type: "TEXT_MESSAGE_START", messageId, subagentRunId });
      this.#batch.push({ type: "TEXT_MESSAGE_CONTENT", messageId, delta });
    } else if (event.type === "STATE_DELTA" || event.type === "ACTIVITY_DELTA") {
      const key = event.type === "STATE_DELTA" ? "delta" : "patch";
      this.#batch.push({ ...event, [key]: (event[key] as unknown[]).filter(isKnown) });
    } else if (!/^(META|SOMETHING_NEW|RAW|CUSTOM|SUBAGENT_|STEP_)/.test(event.type)) {
      this.#batch.push(event);
    }
  }

  /** As clients do, but that what the snapshot leaves out stays, unless it is the same by another id. */
  #union(snapshot: readonly Message[]): void {
    const byId = new Map(snapshot.map((message) => [message.id, message]));
    const known = new Set(this.messages.map(({ id }) => id));
    const added = snapshot.filter(({ id }) => !known.has(id));
    const roles = new Set(added.map(({ role }) => role));
    const others = new Map(this.#others);
    const isReplaced = ({ id, role }: Message): boolean => {
      const left = others.get(id) ?? 0;
      if (left > 0) others.set(id, left - 1);
      return left === 0 && this.#isOwn && !byId.has(id) && roles.has(role);
    };
    this.messages = this.messages
      .filter((message) => !isReplaced(message))
      .map((message) => structuredClone(byId.get(message.id) ?? message));
    for (const message of added) {
      if (!this.#isOwn) this.#addOther(message.id);
      this.messages.push(structuredClone(message));
    }
  }

  #addOther(id: string): void {
    this.#others.set(id, (this.#others.get(id) ?? 0) + 1);
  }

  /** A result with a known id is that message, not a second one. */
  async #result(event: Event): Promise<void> {
    const id = event["messageId"] as string;
    if (!this.messages.some((message) => message.id === id)) {
      this.#batch.push(event);
      return this.#flush();
    }
    const { toolCallId, content, metadata, subagentRunId } = event;
    const result: Message = { id, role: "tool", toolCallId, content, metadata, subagentRunId };
    this.#union([JSON.parse(JSON.stringify(result)) as Message]);
  }

  async #flush(): Promise<void> {
    const events = this.#batch;
    this.#batch = [];
    if (events.length === 0) return;
    const input = { state: this.state, messages: [] };
    const agent = { messages: this.messages };
    await client.defaultApplyEvents(input, rxjs.from(events), agent, []).forEach((mutation) => {
      if (mutation.messages !== undefined) this.messages = mutation.messages;
      if (mutation.state !== undefined) this.state = mutation.state;
    });
  }
}
