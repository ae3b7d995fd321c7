import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createDemoRunner } from "../../adapters/demo/index.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { createManualClock } from "../support/manual-clock.ts";

interface DemoMessage {
  readonly id: string;
  readonly role: string;
  readonly content: string;
  readonly toolCalls?: readonly { readonly function: { readonly arguments: string } }[];
}

interface DemoEvent {
  readonly type: string;
  readonly timestamp: number;
  readonly delta?: unknown;
  readonly messageId?: string;
  readonly toolCallId?: string;
  readonly toolCallName?: string;
  readonly stepName?: string;
  readonly runId?: string;
  readonly messages?: readonly DemoMessage[];
}

/** How far a held clock goes on at a time. */
const STEP_MS = 10;
const ORIGIN = "http://demo.test";

function post(path: string, body: unknown): Request {
  return new Request(`${ORIGIN}${path}`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

function input(text: string, threadId = "thread-1"): Record<string, unknown> {
  const message = { id: "u1", role: "user", content: text, name: null };
  return { threadId, runId: crypto.randomUUID(), messages: [message] };
}

function parseFrames(text: string): DemoEvent[] {
  expect(text.endsWith("\n\n")).toBe(true);
  return text
    .slice(0, -2)
    .split("\n\n")
    .map((frame) => {
      expect(frame).toMatch(/^data: \{.*\}$/);
      const event: DemoEvent = JSON.parse(frame.slice("data: ".length));
      return event;
    });
}

async function playAll(
  runner: (request: Request) => Promise<Response>,
  body: unknown,
): Promise<DemoEvent[]> {
  const response = await runner(post("/", body));
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  return parseFrames(await response.text());
}

function types(events: readonly DemoEvent[]): string[] {
  return events.map(({ type }) => type);
}

function joined(events: readonly DemoEvent[], type: string): string {
  return events.map((event) => (event.type === type ? String(event.delta) : "")).join("");
}

/** Fails unless everything that is opened is closed, in that order and before the terminal. */
function expectWellFormed(events: readonly DemoEvent[]): void {
  const open = new Set<string>();
  for (const event of events) {
    const match = /^(.+)_(START|STARTED|CONTENT|ARGS|END|FINISHED)$/.exec(event.type);
    if (match === null) continue;
    const [, item, phase] = match;
    const { messageId, toolCallId, stepName, runId } = event;
    const id = `${item} ${messageId ?? toolCallId ?? stepName ?? runId}`;
    if (phase === "START" || phase === "STARTED") {
      expect(open.has(id), id).toBe(false);
      open.add(id);
    } else expect(open.has(id), `${event.type} without a start`).toBe(true);
    if (phase === "END" || phase === "FINISHED") open.delete(id);
    if (phase === "CONTENT" || phase === "ARGS") expect(event.delta).not.toBe("");
  }
  expect([...open]).toEqual([]);
}

describe("the demo runner", () => {
  it("plays a run from RUN_STARTED to one RUN_FINISHED, closing all that it opens", async () => {
    const events = await playAll(createDemoRunner({ clock: createFastClock() }), input("go"));
    expectWellFormed(events);
    expect(events[0]?.type).toBe("RUN_STARTED");
    expect(events.at(-2)?.type).toBe("MESSAGES_SNAPSHOT");
    expect(events.at(-1)?.type).toBe("RUN_FINISHED");
    expect(types(events).filter((type) => /^RUN_(FINISHED|ERROR)$/.test(type))).toHaveLength(1);
    for (const type of ["STATE_SNAPSHOT", "STATE_DELTA", "REASONING_START", "TOOL_CALL_RESULT"])
      expect(types(events)).toContain(type);
  });

  it("stamps events with integers and sends no nulls", async () => {
    const events = await playAll(createDemoRunner({ clock: createFastClock() }), input("go"));
    expect(JSON.stringify(events)).not.toContain(":null");
    expect(events.every(({ timestamp }) => Number.isInteger(timestamp))).toBe(true);
  });

  it("takes 15 to 20 seconds at normal speed", async () => {
    const clock = createManualClock();
    const runner = createDemoRunner({ clock });
    for (const text of ["go", "Wait for the event"]) {
      const startedAtMs = clock.now();
      const play = { ended: false };
      const played = playAll(runner, input(text)).finally(() => {
        play.ended = true;
      });
      while (!play.ended) {
        await nextTurn();
        clock.advance(STEP_MS);
      }
      await played;
      expect(clock.now() - startedAtMs).toBeGreaterThan(15_000);
      expect(clock.now() - startedAtMs).toBeLessThan(20_000);
    }
  });

  it("repeats input and streamed messages in its snapshot", async () => {
    const events = await playAll(createDemoRunner({ clock: createFastClock() }), input("go"));
    const messages = events.at(-2)?.messages ?? [];
    expect(messages[0]).toEqual({ id: "u1", role: "user", content: "go" });
    const said = messages.filter(({ role }) => role === "assistant");
    expect(said.map(({ content }) => content).join("")).toBe(
      joined(events, "TEXT_MESSAGE_CONTENT"),
    );
    const calls = said.flatMap(({ toolCalls }) => toolCalls ?? []);
    const args = calls.map((call) => call.function.arguments);
    expect(args.join("")).toBe(joined(events, "TOOL_CALL_ARGS"));
    expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
  });

  it("ends with a question, and reacts to the answer in the next run of the thread", async () => {
    const runner = createDemoRunner({ clock: createFastClock() });
    const first = await playAll(runner, input("go"));
    const question = first.findLast(({ type }) => type === "TOOL_CALL_START");
    expect(question?.["toolCallName"]).toBe("AskUserQuestion");
    const results = first.filter(({ type }) => type === "TOOL_CALL_RESULT");
    expect(results.some((event) => event.toolCallId === question?.["toolCallId"])).toBe(false);

    const second = await playAll(runner, input("Raise the timeout"));
    expectWellFormed(second);
    expect(second[1]).toMatchObject({
      type: "TOOL_CALL_RESULT",
      toolCallId: question?.["toolCallId"],
      content: "Raise the timeout",
    });
    expect(joined(second, "TEXT_MESSAGE_CONTENT")).toContain('"Raise the timeout"');
    expect(joined(second, "TOOL_CALL_ARGS")).toContain("500");
  });

  it("takes a message marked as an answer for one, and another thread's for none", async () => {
    const runner = createDemoRunner({ clock: createFastClock() });
    const first = await playAll(runner, input("go", "thread-1"));
    const other = await playAll(runner, input("go", "thread-2"));
    expect(types(other)).toEqual(types(first));

    const content = [{ type: "text", text: "Wait for the event" }];
    const metadata = { type: "ask_user_question_response" };
    const body = {
      ...input(""),
      threadId: "thread-3",
      messages: [{ role: "user", content, metadata }],
    };
    const answered = await playAll(runner, body);
    expect(joined(answered, "TEXT_MESSAGE_CONTENT")).toContain('"Wait for the event"');
    expect(answered[1]?.type).toBe("STATE_SNAPSHOT");
  });

  it("ends the thread's play with RUN_ERROR when it is interrupted", async () => {
    const runner = createDemoRunner({ clock: createFastClock() });
    const response = await runner(post("/", input("go")));
    const reader = response.body?.getReader();
    await reader?.read();
    const wrong = await runner(post("/interrupt", { thread_id: "thread-2" }));
    expect(wrong.status).toBe(500);
    const answer = await runner(post("/interrupt", { thread_id: "thread-1" }));
    expect(await answer.json()).toEqual({ message: "Interrupt signal sent" });
    const last = new TextDecoder().decode((await reader?.read())?.value);
    expect(parseFrames(last)[0]).toMatchObject({ type: "RUN_ERROR", code: "interrupted" });
    expect((await reader?.read())?.done).toBe(true);
    expect((await runner(post("/interrupt", {}))).status).toBe(500);
  });

  it("is interrupted in the middle of a pause", async () => {
    const clock = createManualClock();
    const runner = createDemoRunner({ clock });
    const reader = (await runner(post("/", input("go")))).body?.getReader();
    await reader?.read();
    const pending = reader?.read();
    await runner(post("/interrupt", {}));
    expect(new TextDecoder().decode((await pending)?.value)).toContain('"code":"interrupted"');
    expect(clock.pending).toBe(0);
  });

  it("stops when its reader cancels, and leaves no timer", async () => {
    const clock = createManualClock();
    const runner = createDemoRunner({ clock });
    const reader = (await runner(post("/", input("go")))).body?.getReader();
    await reader?.read();
    const pending = reader?.read();
    expect(clock.pending).toBe(1);
    await reader?.cancel();
    expect((await pending)?.done).toBe(true);
    expect(clock.pending).toBe(0);
    expect((await runner(post("/interrupt", {}))).status).toBe(500);
  });

  it("refuses a body that is no RunAgentInput with 422", async () => {
    const runner = createDemoRunner({ clock: createFastClock() });
    const bodies = [
      "{",
      "null",
      "[]",
      { threadId: "t", runId: "r" },
      { ...input("x"), messages: [1] },
    ];
    for (const body of bodies) expect((await runner(post("/", body))).status).toBe(422);
  });

  it("answers health and capabilities, and nothing else", async () => {
    const runner = createDemoRunner({ clock: createFastClock() });
    const health = await runner(new Request(`${ORIGIN}/health`));
    expect(await health.json()).toEqual({ status: "healthy" });
    const capabilities = await runner(new Request(`${ORIGIN}/capabilities`));
    expect(await capabilities.json()).toMatchObject({ framework: "demo" });
    for (const path of ["/events/thread-1", "/tasks", "/mcp/status"])
      expect((await runner(new Request(`${ORIGIN}${path}`))).status).toBe(404);
  });
});
