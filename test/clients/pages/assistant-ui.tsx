// A chat of assistant-ui over a session of runlog: what it loads is the session's snapshot, and a run that
// goes on is followed from there.
import {
  AssistantRuntimeProvider,
  ComposerPrimitive,
  ExportedMessageRepository,
  MessagePrimitive,
  ThreadPrimitive,
} from "@assistant-ui/react";
import {
  type AgUiInterrupt,
  fromAgUiMessages,
  useAgUiInterrupts,
  useAgUiRuntime,
  type UseAgUiRuntimeAdapters,
  useAgUiSubmitInterruptResponses,
} from "@assistant-ui/react-ag-ui";
import { HttpAgent } from "ag-ui-client-0.0.59";
import { createRoot } from "react-dom/client";

type History = NonNullable<UseAgUiRuntimeAdapters["history"]>;

interface SessionEvent {
  readonly type: string;
  readonly messageId?: string;
  readonly delta?: string;
  readonly messages?: readonly { readonly id: string; readonly content?: string }[];
  readonly outcome?: { readonly interrupts?: readonly AgUiInterrupt[] };
}

const session = new URLSearchParams(location.search).get("session") ?? "";

/** The session's snapshot, then what comes. Only the last event of a snapshot has a cursor. */
async function* follow(): AsyncGenerator<{ event: SessionEvent; cursor: string }> {
  const source = new EventSource(`${session}/agui/events?view=snapshot`);
  const arrived: MessageEvent<string>[] = [];
  let wake = (): void => {};
  source.addEventListener("message", (message: MessageEvent<string>) => {
    arrived.push(message);
    wake();
  });
  try {
    for (;;) {
      const next = arrived.shift();
      if (next !== undefined)
        yield { event: JSON.parse(next.data) as SessionEvent, cursor: next.lastEventId };
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    source.close();
  }
}

/** The run that goes on, and the text that it was at. */
let running: { readonly events: ReturnType<typeof follow>; readonly said: string } | null = null;

const load: History["load"] = async () => {
  if ((await fetch(session)).status === 404) return { messages: [] };
  const events = follow();
  let messages: SessionEvent["messages"] = [];
  let open: string | undefined;
  let interrupts: readonly AgUiInterrupt[] | null = null;
  let isRunning = false;
  for (let cursor = ""; cursor === "";) {
    const { value } = await events.next();
    ({ cursor } = value);
    const { event } = value as { event: SessionEvent };
    if (event.type === "RUN_STARTED") isRunning = true;
    if (event.type === "MESSAGES_SNAPSHOT") messages = event.messages ?? [];
    if (event.type === "TEXT_MESSAGE_START") open = event.messageId;
    if (event.type === "RUN_FINISHED") {
      isRunning = false;
      interrupts = event.outcome?.interrupts ?? null;
    }
  }
  if (isRunning) {
    running = { events, said: messages.find(({ id }) => id === open)?.content ?? "" };
    messages = messages.filter(({ id }) => id !== open);
  } else await events.return(undefined);

  const thread = fromAgUiMessages(messages);
  const last = thread.findLastIndex(({ role }) => role === "assistant");
  const asking = thread[last];
  if (interrupts !== null && asking !== undefined)
    thread[last] = {
      ...asking,
      status: { type: "requires-action", reason: "interrupt" },
      metadata: { custom: { agui: { interrupts } } },
    };
  return { ...ExportedMessageRepository.fromArray(thread), unstable_resume: isRunning };
};

const resume: NonNullable<History["resume"]> = async function* () {
  if (running === null) return;
  let text = running.said;
  yield { content: [{ type: "text", text }] };
  for await (const { event } of running.events) {
    if (event.type === "RUN_FINISHED" || event.type === "RUN_ERROR") return;
    if (event.type !== "TEXT_MESSAGE_CONTENT") continue;
    text += event.delta ?? "";
    yield { content: [{ type: "text", text }] };
  }
};

const cancel = (): void =>
  void fetch(`${session}/agui/cancel`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });

const history: History = { load, resume, append: async () => {} };
// it comes with another copy of the same classes
const agent = new HttpAgent({
  url: `${session}/agui/run`,
  threadId: session.split("/").at(-1) ?? "",
}) as unknown as Parameters<typeof useAgUiRuntime>[0]["agent"];

function Approval() {
  const submit = useAgUiSubmitInterruptResponses();
  return useAgUiInterrupts().map(({ id }) => (
    <button
      key={id}
      type="button"
      onClick={() =>
        void submit([{ interruptId: id, status: "resolved", payload: { approved: true } }])
      }
    >
      Approve
    </button>
  ));
}

const Message = () => (
  <MessagePrimitive.Root data-testid="message">
    <MessagePrimitive.Parts />
  </MessagePrimitive.Root>
);

function Chat() {
  const runtime = useAgUiRuntime({ agent, adapters: { history }, onCancel: cancel });
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <ThreadPrimitive.Root>
        <ThreadPrimitive.Messages components={{ Message }} />
        <ThreadPrimitive.If running>
          <span data-testid="running" />
        </ThreadPrimitive.If>
        <Approval />
        <ComposerPrimitive.Root>
          <ComposerPrimitive.Input placeholder="Say something" />
          <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
          <ComposerPrimitive.Cancel>Stop</ComposerPrimitive.Cancel>
        </ComposerPrimitive.Root>
      </ThreadPrimitive.Root>
    </AssistantRuntimeProvider>
  );
}

createRoot(document.getElementById("root") ?? document.body).render(<Chat />);
