import { describe, expect, it, vi } from "vitest";
import { addressOfStream, CLIENTS, type ClientGeneration } from "../support/agui-clients.ts";
import { tellLog } from "../support/told-log.ts";

type Event = Readonly<Record<string, unknown>>;

// clients say what they think of a stream, for each event of it
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

const ids = { threadId: "s1", runId: "r" };
const user = { id: "u", role: "user", content: "hello" };
const call = (id: string) => ({ id, type: "function", function: { name: "f", arguments: "{}" } });
const assistant = (id: string, content: string, ...toolCalls: Event[]): Event =>
  toolCalls.length > 0
    ? { id, role: "assistant", content, toolCalls }
    : { id, role: "assistant", content };
const result = (id: string, toolCallId: string): Event => ({
  id,
  role: "tool",
  toolCallId,
  content: "714",
});
const snapshot = (...messages: Event[]): Event => ({
  type: "MESSAGES_SNAPSHOT",
  messages: [user, ...messages],
});
const text = (messageId: string, delta: string): Event[] => [
  { type: "TEXT_MESSAGE_START", messageId, role: "assistant" },
  { type: "TEXT_MESSAGE_CONTENT", messageId, delta },
  { type: "TEXT_MESSAGE_END", messageId },
];
const calling = (toolCallId: string, parentMessageId: string): Event[] => [
  { type: "TOOL_CALL_START", toolCallId, toolCallName: "f", parentMessageId },
  { type: "TOOL_CALL_ARGS", toolCallId, delta: "{}" },
  { type: "TOOL_CALL_END", toolCallId },
];
const returned = (messageId: string, toolCallId: string): Event => ({
  type: "TOOL_CALL_RESULT",
  messageId,
  toolCallId,
  content: "714",
  role: "tool",
});
const called = (toolCallId: string, messageId: string, parent: string): Event[] => [
  ...calling(toolCallId, parent),
  returned(messageId, toolCallId),
];

/** What agents say in a run, and give other ids or one id twice. */
const RUNS: Readonly<Record<string, readonly Event[]>> = {
  "a result has another id in the run's snapshot": [
    ...called("c", "streamed", "a"),
    ...text("b", "It is 714"),
    snapshot(assistant("a", "", call("c")), result("kept", "c"), assistant("b", "It is 714")),
  ],
  "all results have other ids, and there are more": [
    ...calling("c", "a"),
    ...calling("d", "a"),
    returned("s1", "c"),
    returned("s2", "d"),
    snapshot(assistant("a", "", call("c"), call("d")), result("k1", "c"), result("k2", "d")),
    ...called("e", "s3", "b"),
  ],
  "an answer has another id in the run's snapshot": [
    ...text("streamed", "It is 714"),
    snapshot(assistant("kept", "It is 714.")),
  ],
  "a message with a call has another id in the run's snapshot": [
    ...called("c", "s", "streamed"),
    snapshot(assistant("kept", "", call("c")), result("s", "c")),
    ...text("b", "It is 714"),
  ],
  "an answer comes again under the id that it had first": [
    ...text("streamed", "It is"),
    snapshot(assistant("kept", "It is")),
    snapshot(assistant("streamed", "It is 714")),
  ],
  "a thought and its answer have one id": [
    snapshot({ id: "A", role: "reasoning", content: "think" }, assistant("A", "say")),
  ],
  "a turn that was tried again has its id twice, and goes on": [
    snapshot(assistant("A", "first"), assistant("A", "second")),
    ...text("A", " and more"),
    ...text("b", "then"),
  ],
  "two messages have one call, and it goes on": [
    snapshot(assistant("a", "", call("c")), assistant("b", "", call("c"))),
    returned("t", "c"),
    ...text("d", "then"),
  ],
  "the content of an activity has become a list": [
    { type: "ACTIVITY_SNAPSHOT", messageId: "plan", activityType: "PLAN", content: {} },
    {
      type: "ACTIVITY_DELTA",
      messageId: "plan",
      activityType: "PLAN",
      patch: [{ op: "replace", path: "", value: [{ step: "one" }] }],
    },
    ...text("b", "done"),
  ],
  "what is streamed under the id of a message of the snapshot is that message": [
    ...text("A", "It is"),
    snapshot(assistant("A", "It is 714"), assistant("A", "indeed")),
  ],
};

/** A run as its agent sends it. */
function linesOf(events: readonly Event[]): string[] {
  const whole = [{ type: "RUN_STARTED", ...ids }, ...events, { type: "RUN_FINISHED", ...ids }];
  return whole.map((event) => JSON.stringify(event));
}

async function follow(
  client: ClientGeneration,
  body: string,
  initialMessages: readonly Event[],
): Promise<unknown> {
  const { messages } = await client.follow(addressOfStream(body), { initialMessages });
  const held = JSON.parse(JSON.stringify(messages)) as Event[];
  // before 0.0.57 a result comes last, wherever its call is
  const isOrdered = client.version !== "0.0.46" && client.version !== "0.0.52";
  return isOrdered ? held : held.toSorted((a, b) => String(a["id"]).localeCompare(String(b["id"])));
}

describe.each(CLIENTS)("a client of $version", (client) => {
  const dialect = client.version === "1.0.0" ? "1.0" : "0.0";

  it.each(Object.entries(RUNS))(
    "ends as one that is connected to the agent where %s",
    async (_, events) => {
      const lines = linesOf(events);
      const said = JSON.stringify({ type: "MESSAGES_SNAPSHOT", ...ids, messages: [user] });
      const direct = await follow(client, lines.map((line) => `data: ${line}\n\n`).join(""), [
        user,
      ]);
      const run = await tellLog(lines, { dialect, onlyRun: "r", known: [user] });
      expect(await follow(client, run, [user]), run).toEqual(direct);
      for (const isSnapshot of [false, true]) {
        const body = await tellLog([said, ...lines], { dialect, snapshot: isSnapshot });
        expect(await follow(client, body, []), body).toEqual(direct);
      }
    },
  );
});
