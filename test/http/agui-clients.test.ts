import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import {
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { waitFor } from "../contract/wait-for.ts";
import { CLIENTS, type ClientGeneration, type Followed } from "../support/agui-clients.ts";
import { listenTestServer } from "../support/test-server.ts";

type Server = Awaited<ReturnType<typeof listenTestServer>>;

const json = (event: Record<string, unknown>): string => JSON.stringify(event);

/** A run with everything in it that runners send, told as badly as they do. */
const work = (runId: string): string[] => [
  json({ type: "CUSTOM", name: "hook:before", value: null }),
  startedEvent(runId),
  json({ type: "STATE_SNAPSHOT", snapshot: { step: 0 } }),
  json({ type: "STEP_STARTED", stepName: "think" }),
  json({ type: "REASONING_START", messageId: `think-${runId}` }),
  json({ type: "REASONING_MESSAGE_START", messageId: `think-${runId}`, role: "reasoning" }),
  json({ type: "REASONING_MESSAGE_CONTENT", messageId: `think-${runId}`, delta: "hm" }),
  json({ type: "TEXT_MESSAGE_START", messageId: `text-${runId}`, role: "assistant", name: null }),
  json({ type: "TEXT_MESSAGE_CONTENT", messageId: `text-${runId}`, delta: "" }),
  json({
    type: "TEXT_MESSAGE_CONTENT",
    messageId: `text-${runId}`,
    delta: "Hello",
    timestamp: 1.5,
  }),
  json({ type: "TEXT_MESSAGE_END", messageId: `text-${runId}` }),
  json({
    type: "TOOL_CALL_START",
    toolCallId: `call-${runId}`,
    toolCallName: "f",
    parentMessageId: `text-${runId}`,
  }),
  json({ type: "TOOL_CALL_ARGS", toolCallId: `call-${runId}`, delta: '{"a":1}' }),
  json({ type: "TOOL_CALL_END", toolCallId: `call-${runId}` }),
  json({
    type: "TOOL_CALL_RESULT",
    toolCallId: `call-${runId}`,
    messageId: `result-${runId}`,
    content: [{ type: "text", text: "done" }],
  }),
  json({ type: "SUBAGENT_STARTED", subagentRunId: `sub-${runId}`, name: "helper" }),
  json({ type: "STATE_DELTA", delta: [{ op: "replace", path: "/step", value: 1 }] }),
  json({ type: "META", metaType: "thumbs_up", payload: {} }),
];

/** The end of the run: with it comes what a runner echoes, and nothing that it opened was closed. */
const end = (runId: string): string[] => [
  json({
    type: "MESSAGES_SNAPSHOT",
    messages: [
      { id: `m-${runId}`, role: "user", content: "hi", name: null },
      {
        id: `text-${runId}`,
        role: "assistant",
        content: "Hello, world",
        toolCalls: [
          { id: `call-${runId}`, type: "function", function: { name: "f", arguments: '{"a":1}' } },
        ],
      },
      { id: `result-${runId}`, role: "tool", toolCallId: `call-${runId}`, content: "done" },
    ],
  }),
  json({
    type: "RUN_FINISHED",
    threadId: "s1",
    runId,
    result: null,
    outcome: { type: "cancelled" },
  }),
  json({ type: "RAW", event: { late: true } }),
];

/** What a client has to hold of a whole run, in the order of the messages. */
const whole = (runId: string): [string, unknown][] => [
  [`m-${runId}`, "hi"],
  [`think-${runId}`, "hm"],
  [`text-${runId}`, "Hello, world"],
  [`result-${runId}`, "done"],
];

interface Situation {
  readonly name: string;
  /** Follows the session with the client; resolves with what the client has in the end. */
  readonly play: (
    client: ClientGeneration,
    server: Server,
    session: SessionClient,
  ) => Promise<Followed>;
  /** Ids and contents of the messages that the client has to hold. */
  readonly messages: readonly (readonly [string, unknown])[];
}

const urlOf = ({ origin }: Server, { path }: SessionClient, suffix: string): string =>
  `${origin}${path}/agui/${suffix}`;

async function played(
  server: Server,
  session: SessionClient,
  runId: string,
  events: readonly string[],
): Promise<void> {
  server.runner.script((exchange) => tell(exchange, events));
  await session.run(runBody(runId));
  await session.settled(runId);
}

const failed = (runId: string): string =>
  json({ type: "RUN_ERROR", threadId: "s1", runId, message: "failed" });

const SITUATIONS: readonly Situation[] = [
  {
    name: "run",
    async play(client, server, session) {
      server.runner.script(async (exchange) => {
        const { runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as {
          runId: string;
        };
        const events = [...work("x"), ...end("x")].map((event) =>
          event.replaceAll('"runId":"x"', `"runId":"${runId}"`),
        );
        await tell(exchange, events);
      });
      const initialMessages = [{ id: "m-x", role: "user", content: "hi" }];
      return client.follow(urlOf(server, session, "run"), { initialMessages, threadId: "s1" });
    },
    messages: whole("x"),
  },
  {
    name: "connect: a finished run",
    async play(client, server, session) {
      await played(server, session, "a", [...work("a"), ...end("a")]);
      return client.follow(urlOf(server, session, "connect"));
    },
    messages: whole("a"),
  },
  {
    name: "connect: a failed run",
    async play(client, server, session) {
      await played(server, session, "a", [...work("a"), failed("a")]);
      return client.follow(urlOf(server, session, "connect"));
    },
    messages: [
      ["m-a", "hi"],
      ["think-a", "hm"],
      ["text-a", "Hello"],
      ["result-a", "done"],
    ],
  },
  {
    name: "connect: a run whose runner broke off",
    async play(client, server, session) {
      await played(server, session, "a", work("a"));
      return client.follow(urlOf(server, session, "connect"));
    },
    messages: [
      ["m-a", "hi"],
      ["think-a", "hm"],
      ["text-a", "Hello"],
      ["result-a", "done"],
    ],
  },
  {
    name: "connect: a run that goes on",
    async play(client, server, session) {
      const runner = await openRunner(server, () => session.run(runBody("a")));
      for (const event of work("a")) await runner.write(`data: ${event}\n\n`);
      const followed = client.follow(urlOf(server, session, "connect"));
      await waitFor(() => server.service.pacer.open === 1);
      for (const event of end("a")) await runner.write(`data: ${event}\n\n`);
      await runner.end();
      return followed;
    },
    messages: whole("a"),
  },
  {
    name: "connect: many runs, some failed",
    async play(client, server, session) {
      await played(server, session, "a", [...work("a"), ...end("a")]);
      await played(server, session, "b", [startedEvent("b"), failed("b")]);
      await played(server, session, "c", [startedEvent("c")]);
      await played(server, session, "d", [...work("d"), failed("d"), ...end("d")]);
      return client.follow(urlOf(server, session, "connect"));
    },
    messages: [...whole("a"), ["m-b", "hi"], ["m-c", "hi"], ...whole("d")],
  },
  {
    name: "connect: a snapshot of a finished session",
    async play(client, server, session) {
      await played(server, session, "a", [...work("a"), ...end("a")]);
      await played(server, session, "b", [startedEvent("b"), finishedEvent("b")]);
      return client.follow(urlOf(server, session, "connect?view=snapshot"));
    },
    messages: [...whole("a"), ["m-b", "hi"]],
  },
  {
    name: "connect: a snapshot in the middle of a message and a call",
    async play(client, server, session) {
      const runner = await openRunner(server, () => session.run(runBody("a")));
      const open = [
        json({ type: "TEXT_MESSAGE_START", messageId: "half", role: "assistant" }),
        json({ type: "TEXT_MESSAGE_CONTENT", messageId: "half", delta: "ha" }),
        json({
          type: "TOOL_CALL_START",
          toolCallId: "open",
          toolCallName: "g",
          parentMessageId: "half",
        }),
        json({ type: "TOOL_CALL_ARGS", toolCallId: "open", delta: "{" }),
      ];
      for (const event of [startedEvent("a"), ...open]) await runner.write(`data: ${event}\n\n`);
      await waitFor(async () => (await session.lines()).length === 6);
      const followed = client.follow(urlOf(server, session, "connect?view=snapshot"));
      await waitFor(() => server.service.pacer.open === 1);
      const rest = [
        json({ type: "TOOL_CALL_ARGS", toolCallId: "open", delta: "}" }),
        json({ type: "TEXT_MESSAGE_CONTENT", messageId: "half", delta: "lf" }),
        finishedEvent("a"),
      ];
      for (const event of rest) await runner.write(`data: ${event}\n\n`);
      await runner.end();
      return followed;
    },
    messages: [
      ["m-a", "hi"],
      ["half", "half"],
    ],
  },
  {
    name: "connect: a client that holds messages",
    async play(client, server, session) {
      await played(server, session, "a", [...work("a"), ...end("a")]);
      const initialMessages = [{ id: "text-a", role: "assistant", content: "Hello, world" }];
      const initialState = { step: 7 };
      return client.follow(urlOf(server, session, "connect"), { initialMessages, initialState });
    },
    messages: whole("a"),
  },
];

/** What is wrong with what a client ended with, or "ok". */
function verdict({ messages }: Followed, expected: Situation["messages"]): string {
  // a client of 1.0 keeps the parts of a content
  const textOf = (content: unknown): unknown =>
    Array.isArray(content) ? content.map(({ text }: { text: string }) => text).join("") : content;
  const held = messages.map(({ id, content }) => [id, textOf(content)]);
  const missing = expected.filter(
    ([id, content]) => !held.some((one) => one[0] === id && one[1] === content),
  );
  if (missing.length > 0) return `lacks ${missing.map(([id]) => id).join(", ")}`;
  if (held.length > expected.length) return `holds ${held.length} messages`;
  const calls = messages.flatMap(({ toolCalls }) => (Array.isArray(toolCalls) ? toolCalls : []));
  const ids = calls.map((call: { id: string }) => call.id);
  return new Set(ids).size === ids.length ? "ok" : "a call twice";
}

const rows = new Map<string, string[]>();

describe("six generations of the client, over HTTP", () => {
  beforeAll(() => {
    // clients say what they think of a stream, for each event of it
    for (const method of ["warn", "error"] as const)
      vi.spyOn(console, method).mockImplementation(() => {});
  });

  for (const { name, play, messages } of SITUATIONS) {
    it.each(CLIENTS)(`${name}: $version takes it and holds every message`, async (client) => {
      const server = await listenTestServer({ store: createMemoryLogStore() });
      try {
        const session = new SessionClient(server);
        const followed = await play(client, server, session);
        const found = verdict(followed, messages);
        rows.set(name, [...(rows.get(name) ?? []), found]);
        expect(found).toBe("ok");
      } finally {
        await server.dispose();
      }
    });
  }

  afterAll(() => {
    vi.restoreAllMocks();
    // oxlint-disable-next-line no-console -- the table is what this test is run for
    console.log(table());
  });

  it("is what the documentation says", async () => {
    const documented = await readFile(
      new URL("../../docs/agui-clients.md", import.meta.url),
      "utf8",
    );
    const cells = (text: string): string[] =>
      text
        .split("\n")
        .filter((line) => line.startsWith("|"))
        .map((line) => line.replaceAll(/\s+/g, " ").replaceAll(/-+/g, "-"));
    expect(cells(documented)).toEqual(cells(table()));
  });
});

function table(): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(["situation", ...CLIENTS.map(({ version }) => version)]),
    line(["---", ...CLIENTS.map(() => "---")]),
    ...[...rows].map(([name, found]) => line([name, ...found])),
  ].join("\n");
}
