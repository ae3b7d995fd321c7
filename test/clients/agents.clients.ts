import { type AbstractAgent, HttpAgent, type Message } from "@ag-ui/client";
import { expect, it, vi } from "vitest";
import { startAgent } from "./support/agent-process.ts";
import { startRunlog } from "./support/runlog.ts";

/** One turn of a conversation, as an application takes it. */
type Turn = (client: AbstractAgent) => Promise<unknown>;

const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const PAINT = {
  name: "paint",
  description: "Paints in a colour.",
  parameters: { type: "object", properties: { colour: { type: "string" } } },
};

const run = (client: AbstractAgent): Promise<unknown> => client.runAgent({ tools: [PAINT] });

/** Says something, and has the agent answer. */
function say(content: Extract<Message, { role: "user" }>["content"]): Turn {
  return (client) => {
    client.addMessage({ id: `u${client.messages.length}`, role: "user", content });
    return run(client);
  };
}

/** Does what the agent has called the client's tool for, in the next run. */
const giveResult: Turn = (client) => {
  const last = client.messages.at(-1);
  const toolCallId = (last?.role === "assistant" && last.toolCalls?.at(-1)?.id) || "";
  expect(toolCallId).not.toBe("");
  client.addMessage({ id: "painted", role: "tool", toolCallId, content: "painted" });
  return run(client);
};

/** Answers all that the agent has asked. */
const resume: Turn = (client) => {
  expect(client.pendingInterrupts).not.toEqual([]);
  return client.runAgent({
    tools: [PAINT],
    resume: client.pendingInterrupts.map(({ id }) => ({
      interruptId: id,
      status: "resolved",
      payload: { approved: true },
    })),
  });
};

const withState =
  (state: object, turn: Turn): Turn =>
  (client) => {
    client.setState(state);
    return turn(client);
  };

/** The turns that every agent is led through, in this order; `stateful` is what changes its state. */
function turnsOf(stateful: Turn): Readonly<Record<string, Turn>> {
  return {
    "text and reasoning": say("think about it"),
    "a tool of the server": say("what is the weather?"),
    "a tool of the client is called": say("paint it"),
    "its result": giveResult,
    "an image": say([
      { type: "text", text: "look" },
      { type: "image", source: { type: "data", value: PIXEL, mimeType: "image/png" } },
    ]),
    state: stateful,
    "an interrupt": say("confirm it"),
    "its answer": resume,
  };
}

const AGENTS: readonly (readonly [string, Turn])[] = [
  ["built-in-agent", withState({ count: 1 }, say("AGUISendStateSnapshot"))],
  ["mastra", withState({ count: 1 }, say("updateWorkingMemory"))],
  ["langgraph", say("and now?")],
];

/** After these the server is killed, and a client that came back goes on. */
const KILLED_AFTER: ReadonlySet<string> = new Set([
  "a tool of the client is called",
  "an interrupt",
]);

// clients and agents say what they think of a run, for each event of it
for (const method of ["warn", "error", "debug"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

it.each(AGENTS)(
  "a client of %s through runlog ends as one that is connected to it, live, after connect, and over a kill -9",
  async (name, stateful) => {
    const turns = Object.entries(turnsOf(stateful));
    const agentUrl = await startAgent(name);

    const direct = new HttpAgent({ url: agentUrl, threadId: crypto.randomUUID() });
    const expected = new Map<string, Held>();
    for (const [title, turn] of turns) {
      await turn(direct);
      expected.set(title, held(direct));
    }

    const runlog = await startRunlog({ runnerUrl: agentUrl });
    // some want thread ids that are UUIDs, and a thread is named like its session
    const threadId = crypto.randomUUID();
    const session = runlog.sessionUrl(threadId);
    const connected = async (view = ""): Promise<HttpAgent> => {
      const viewer = new HttpAgent({ url: `${session}/agui/connect${view}`, threadId });
      await viewer.runAgent();
      viewer.url = `${session}/agui/run`;
      return viewer;
    };
    let client = new HttpAgent({ url: `${session}/agui/run`, threadId });
    for (const [title, turn] of turns) {
      await turn(client);
      expect(held(client), `live: ${title}`).toEqual(expected.get(title));
      for (const view of ["", "?view=snapshot", "?view=raw"])
        expect(held(await connected(view)), `connected${view}: ${title}`).toEqual(
          expected.get(title),
        );
      if (!KILLED_AFTER.has(title)) continue;
      await runlog.end("SIGKILL");
      await runlog.startAgain();
      client = await connected();
      expect(held(client), `after the kill: ${title}`).toEqual(expected.get(title));
    }
    await runlog.end("SIGKILL");
    await runlog.startAgain();
    expect(held(await connected())).toEqual(held(direct));
  },
);

/** What a client has. */
interface Held {
  readonly messages: unknown;
  readonly state: unknown;
  readonly pendingInterrupts: unknown;
}

/** UUIDs, and the hashes that LangGraph makes of them. */
const RANDOM_ID = /[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}/g;

/** What a client has, with ids that are another each time numbered as they come. */
function held({ messages, state, pendingInterrupts }: AbstractAgent): Held {
  const numbers = new Map<string, number>();
  const text = JSON.stringify({ messages, state, pendingInterrupts }).replace(RANDOM_ID, (id) => {
    if (!numbers.has(id)) numbers.set(id, numbers.size);
    return `#${numbers.get(id)}`;
  });
  return JSON.parse(text) as Held;
}
