/** What the ambient UI makes of events, as far as history matters: messages by id, state, the rest. */
export interface AmbientView {
  readonly messages: readonly AmbientMessage[];
  readonly state: unknown;
  /** Everything that is no message and no state, in order; chunks of a kind that follow as one. */
  readonly others: readonly string[];
}

interface AmbientMessage {
  readonly id: string;
  content: string;
  metadata: Record<string, unknown>;
  readonly toolCalls: AmbientCall[];
}

interface AmbientCall {
  readonly id: string;
  args: string;
  result: unknown;
  metadata: Record<string, unknown>;
}

interface AmbientEvent {
  readonly type: string;
  readonly messageId?: string;
  readonly toolCallId?: string;
  readonly parentMessageId?: string;
  readonly delta?: unknown;
  readonly snapshot?: unknown;
  readonly metadata?: Record<string, unknown>;
  readonly content?: unknown;
  readonly messages?: readonly {
    readonly id: string;
    readonly role?: unknown;
    readonly content?: unknown;
    readonly toolCallId?: string;
  }[];
  readonly name?: unknown;
  readonly runId?: string;
  readonly value?: unknown;
}

/**
 * Merges by id, as the front end does: deltas append, a delta without its start is ignored, snapshots
 * replace what they hold and drop nothing, and a result is put into its call. The state that a run was posted with is the state from there on,
 * or, where another run is open, from that run's start. `applyPatch` changes a document or throws.
 */
export function ambientView(
  events: readonly AmbientEvent[],
  applyPatch: (state: unknown, patch: unknown) => unknown,
): AmbientView {
  const messages = new Map<string, AmbientMessage>();
  const calls = new Map<string, AmbientCall>();
  const others: { readonly text: string; delta: string }[] = [];
  let state: unknown = {};
  let isOpen = false;
  const posted = new Map<string, unknown>();
  const put = (id: string): AmbientMessage => {
    const message = messages.get(id) ?? { id, content: "", metadata: {}, toolCalls: [] };
    messages.set(id, message);
    return message;
  };
  for (const event of events) {
    const { delta, metadata = {}, messageId = "", toolCallId = "" } = event;
    switch (event.type) {
      case "TEXT_MESSAGE_START":
      case "REASONING_MESSAGE_START":
        Object.assign(put(messageId).metadata, metadata);
        break;
      case "TEXT_MESSAGE_CONTENT":
      case "REASONING_MESSAGE_CONTENT": {
        const message = messages.get(messageId);
        if (!message) break;
        message.content += String(delta);
        Object.assign(message.metadata, metadata);
        break;
      }
      case "TOOL_CALL_START": {
        const call = { id: toolCallId, args: "", result: null, metadata: { ...metadata } };
        calls.set(toolCallId, call);
        put(event.parentMessageId ?? toolCallId).toolCalls.push(call);
        break;
      }
      case "TOOL_CALL_ARGS": {
        const call = calls.get(toolCallId);
        if (!call) break;
        call.args += String(delta);
        Object.assign(call.metadata, metadata);
        break;
      }
      case "MESSAGES_SNAPSHOT":
        for (const { id, role, content = "", toolCallId: of = "" } of event.messages ?? []) {
          const call = role === "tool" ? calls.get(of) : undefined;
          if (call) call.result = content;
          else put(id).content = typeof content === "string" ? content : JSON.stringify(content);
        }
        break;
      case "TOOL_CALL_RESULT": {
        const call = calls.get(toolCallId);
        if (call) call.result = event.content;
        putOther(others, event);
        break;
      }
      case "STATE_SNAPSHOT":
        state = event.snapshot;
        break;
      case "STATE_DELTA":
        try {
          state = applyPatch(state, delta);
        } catch {
          // a patch that fails changes nothing
        }
        break;
      case "CUSTOM":
        if (event.name === "runlog:run-input") {
          const input = event.value as { readonly state?: unknown };
          if (isOpen) posted.set(event.runId ?? "", input.state);
          else state = input.state;
        }
        putOther(others, event);
        break;
      case "RUN_STARTED":
      case "RUN_FINISHED":
      case "RUN_ERROR":
        isOpen = event.type === "RUN_STARTED";
        if (isOpen && posted.has(event.runId ?? "")) {
          state = posted.get(event.runId ?? "");
          posted.delete(event.runId ?? "");
        }
        putOther(others, event);
        break;
      default:
        putOther(others, event);
    }
  }
  const texts = others.map(({ text, delta }) => text + delta);
  return { messages: [...messages.values()], state, others: texts };
}

function putOther(others: { readonly text: string; delta: string }[], event: AmbientEvent): void {
  if (!event.type.endsWith("_CHUNK")) {
    others.push({ text: JSON.stringify(event), delta: "" });
    return;
  }
  const free: ReadonlySet<string> = new Set(["delta", "timestamp", "rawEvent", "metadata"]);
  const text = JSON.stringify(Object.entries(event).filter(([key]) => !free.has(key)));
  const last = others.at(-1);
  if (last?.text === text) last.delta += String(event.delta);
  else others.push({ text, delta: String(event.delta) });
}
