import type { AgUiEvent } from "./api-types.ts";

/** Events that open something: what closes it, and the member by which the two belong together. */
const OPENERS: ReadonlyMap<string, readonly [end: string, member: string]> = new Map([
  ["TEXT_MESSAGE_START", ["TEXT_MESSAGE_END", "messageId"]],
  ["TOOL_CALL_START", ["TOOL_CALL_END", "toolCallId"]],
  ["REASONING_MESSAGE_START", ["REASONING_MESSAGE_END", "messageId"]],
  ["REASONING_START", ["REASONING_END", "messageId"]],
  ["STEP_STARTED", ["STEP_FINISHED", "stepName"]],
  ["SUBAGENT_STARTED", ["SUBAGENT_FINISHED", "subagentRunId"]],
]);
const CLOSERS: ReadonlyMap<string, string> = new Map([
  ...OPENERS.values(),
  ["SUBAGENT_ERROR", "subagentRunId"],
]);
/** In which order what is open may be closed. */
const ORDER: readonly string[] = [...OPENERS.values()].map(([end]) => end);

/** What a client has open: a run, and the items in it. */
export class OpenRun {
  #items = new Map<string, AgUiEvent>();
  #ids: { readonly threadId: unknown; readonly runId: unknown } | null = null;

  /** The id of the run that is open, or null. */
  get runId(): string | null {
    return this.#ids && String(this.#ids.runId);
  }

  see(event: AgUiEvent): void {
    const { type } = event;
    if (type === "RUN_STARTED") {
      const { threadId, runId } = event;
      this.#ids = { threadId, runId };
    }
    if (type === "RUN_FINISHED" || type === "RUN_ERROR") {
      this.#ids = null;
      this.#items.clear();
    }
    const opened = OPENERS.get(type);
    if (opened) {
      const [end, member] = opened;
      this.#items.set(keyOf(event, member), { type: end, [member]: event[member] });
    }
    const member = CLOSERS.get(type);
    if (member !== undefined) this.#items.delete(keyOf(event, member));
  }

  /** The events that close every item. */
  closeItems(): readonly AgUiEvent[] {
    const ends = [...this.#items.values()];
    this.#items.clear();
    return ends.toSorted((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type));
  }

  /** The events that close every item and end the run, if one is open. */
  close(outcome: object): readonly AgUiEvent[] {
    if (!this.#ids) return [];
    const end = { type: "RUN_FINISHED", ...this.#ids, ...outcome };
    this.#ids = null;
    return [...this.closeItems(), end];
  }
}

/** A message and its reasoning may have one id. */
function keyOf(event: AgUiEvent, member: string): string {
  const kind = event.type.replace(/_(?:START|STARTED|END|FINISHED|ERROR)$/, "");
  return `${kind} ${String(event[member])}`;
}
