import { describe, expect, it } from "vitest";
import { tellLog, type TellOptions } from "../../../support/told-log.ts";

type Event = Record<string, unknown>;

const ids = { threadId: "s1", runId: "r" };
const started = JSON.stringify({ type: "RUN_STARTED", ...ids });
const finished = JSON.stringify({ type: "RUN_FINISHED", ...ids });
const LARGE = "x".repeat(11 * 1024 * 1024);

function event(type: string, members: Event): string {
  return JSON.stringify({ type, ...members });
}

/** The events that are sent, those that are too large by the type that they name. */
async function tell(
  lines: readonly string[],
  options: Partial<TellOptions> = {},
): Promise<Event[]> {
  const body = await tellLog(lines, { dialect: "1.0", ...options });
  return [...body.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data) as Event);
}

function namesOf(events: readonly Event[]): unknown[] {
  return events.map(({ type, name, value }) =>
    name === "runlog:large-event" ? `large ${String((value as Event)["type"])}` : type,
  );
}

it("says that there is a state of which no snapshot can be sent, and tells no change of it", async () => {
  const lines = [
    started,
    event("STATE_SNAPSHOT", { snapshot: { v: "old" } }),
    event("STATE_SNAPSHOT", { snapshot: { v: "new", file: LARGE } }),
    event("STATE_DELTA", { delta: [{ op: "add", path: "/n", value: 1 }] }),
    finished,
  ];
  for (const snapshot of [false, true])
    expect(namesOf(await tell(lines, { snapshot }))).toEqual([
      "RUN_STARTED",
      "STATE_SNAPSHOT",
      "large STATE_SNAPSHOT",
      "RAW",
      "RUN_FINISHED",
    ]);
  const later = [
    ...lines.slice(0, 4),
    event("STATE_SNAPSHOT", { snapshot: { v: "newer" } }),
    finished,
  ];
  const told = await tell(later, { snapshot: true });
  expect(told.find(({ type }) => type === "STATE_SNAPSHOT")?.["snapshot"]).toEqual({ v: "newer" });
  expect(namesOf(told)).not.toContain("large STATE_SNAPSHOT");
});

it("tells no snapshot of messages of which one is too large", async () => {
  const call = [
    event("TOOL_CALL_START", { toolCallId: "c", toolCallName: "f" }),
    event("TOOL_CALL_END", { toolCallId: "c" }),
  ];
  const result = event("TOOL_CALL_RESULT", { messageId: "t", toolCallId: "c", content: LARGE });
  const told = namesOf(await tell([started, ...call, result, finished], { snapshot: true }));
  expect(told).toContain("large TOOL_CALL_RESULT");
  expect(told).not.toContain("MESSAGES_SNAPSHOT");
});

it("patches no activity whose content the client does not have", async () => {
  const activity = { messageId: "a", activityType: "T" };
  const patch = event("ACTIVITY_DELTA", {
    ...activity,
    patch: [{ op: "add", path: "/n", value: 1 }],
  });
  const told = await tell([
    started,
    event("ACTIVITY_SNAPSHOT", { ...activity, content: {} }),
    event("ACTIVITY_SNAPSHOT", { ...activity, content: { LARGE } }),
    patch,
    event("ACTIVITY_SNAPSHOT", { ...activity, content: {} }),
    patch,
    finished,
  ]);
  expect(namesOf(told).slice(1, -1)).toEqual([
    "ACTIVITY_SNAPSHOT",
    "large ACTIVITY_SNAPSHOT",
    "RAW",
    "ACTIVITY_SNAPSHOT",
    "ACTIVITY_DELTA",
  ]);
});

it("begins and ends a run also where the event that does so is too large", async () => {
  const told = await tell([
    event("RUN_STARTED", { ...ids, input: { state: LARGE } }),
    event("CUSTOM", { name: "n", value: 1 }),
    event("RUN_FINISHED", { ...ids, result: LARGE }),
    event("RUN_STARTED", { ...ids, runId: "q" }),
    event("RUN_ERROR", { message: LARGE, code: "c" }),
  ]);
  expect(namesOf(told)).toEqual([
    "RUN_STARTED",
    "large RUN_STARTED",
    "CUSTOM",
    "large RUN_FINISHED",
    "RUN_FINISHED",
    "RUN_STARTED",
    "large RUN_ERROR",
    "RUN_ERROR",
  ]);
  expect(told.at(-1)?.["code"]).toBe("c");
  expect(told[0]?.["runId"]).toBe("r");
});

describe("events of more values than are understood", () => {
  const MOST = 65_536;
  const membersOf = (count: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`key ${at}`, at]));
  const valuesOf = (count: number): number[] => Array.from({ length: count }, () => 10_000);
  const sent = async (line: string): Promise<unknown> =>
    namesOf(await tell([started, line, finished]))[1];
  const activity = { messageId: "a", activityType: "T" };
  const messageWith = (metadata: unknown): string =>
    event("MESSAGES_SNAPSHOT", { messages: [{ id: "m", role: "user", content: "", metadata }] });
  const state = (snapshot: unknown): string => event("STATE_SNAPSHOT", { snapshot });

  it.each([
    event("STATE_SNAPSHOT", { snapshot: { a: [membersOf(MOST + 1)] } }),
    event("STATE_DELTA", { delta: [{ op: "add", path: "/a", value: valuesOf(MOST) }] }),
    event("ACTIVITY_SNAPSHOT", { ...activity, content: membersOf(MOST + 1) }),
    event("ACTIVITY_DELTA", { ...activity, patch: [{ value: valuesOf(MOST) }] }),
    event("TOOL_CALL_RESULT", { messageId: "t", toolCallId: "c", content: valuesOf(MOST + 1) }),
    event("TEXT_MESSAGE_START", { messageId: "m", metadata: membersOf(MOST + 1) }),
    event("CUSTOM", { name: "n", value: 1, ...membersOf(MOST) }),
    messageWith({ a: valuesOf(MOST) }),
  ])("are named by size and type: %#", async (line) => {
    expect(await sent(line)).toBe(`large ${String((JSON.parse(line) as Event)["type"])}`);
  });

  it.each([
    state(membersOf(MOST)),
    state([valuesOf(MOST), valuesOf(MOST)]),
    event("ACTIVITY_SNAPSHOT", { ...activity, content: membersOf(MOST - 1) }),
    event("CUSTOM", { name: "n", value: membersOf(MOST + 1) }),
    event("RAW", { event: membersOf(MOST + 1) }),
  ])("are those beyond the bound, and none at it: %#", async (line) => {
    expect(await sent(line)).toBe((JSON.parse(line) as Event)["type"]);
  });

  it("leave the state unknown until a snapshot says it", async () => {
    const delta = event("STATE_DELTA", { delta: [{ op: "add", path: "/n", value: 1 }] });
    const told = await tell(
      [started, state(membersOf(MOST + 1)), delta, state({}), delta, finished],
      {
        snapshot: true,
      },
    );
    expect(told.find(({ type }) => type === "STATE_SNAPSHOT")?.["snapshot"]).toEqual({ n: 1 });
  });
});

describe("the content of a long result", () => {
  const text = `"é😀\\\n`.repeat(60_000);
  const part = { type: "text", text };
  const call = event("TOOL_CALL_START", { toolCallId: "c", toolCallName: "f" });
  const resultOf = (content: unknown, more: Event = {}): string =>
    event("TOOL_CALL_RESULT", { messageId: "t", toolCallId: "c", content, ...more });
  const sent = async (line: string, options: Partial<TellOptions>): Promise<Event[]> =>
    tell([started, call, line, finished], options);

  it.each([
    {
      dialect: "1.0",
      content: { text, n: [1, null] },
      expected: JSON.stringify({ text, n: [1, null] }),
    },
    { dialect: "0.0", content: { text }, expected: JSON.stringify({ text }) },
    { dialect: "0.0", content: [part, { type: "x" }, part], expected: `${text}${text}` },
    { dialect: "1.0", content: [part, { type: "x" }, part], expected: [part, part] },
    { dialect: "0.0", content: text, expected: text },
  ] as const)("is sent as that of a short one: %#", async ({ dialect, content, expected }) => {
    const [, , own] = await sent(resultOf(content), { dialect });
    expect(own).toEqual({
      type: "TOOL_CALL_RESULT",
      messageId: "t",
      toolCallId: "c",
      content: expected,
    });
    const said = (await sent(resultOf(content), { dialect, snapshot: true }))[1];
    expect(said?.["messages"]).toContainEqual({
      id: "t",
      role: "tool",
      toolCallId: "c",
      content: expected,
    });
  });

  it("is sent as it came in a RAW event where the event lacks something", async () => {
    const line = resultOf({ text }, { messageId: 1 });
    const [, , own] = await sent(line, {});
    expect(own).toEqual({ type: "RAW", event: JSON.parse(line), source: "runlog" });
  });
});

it("sends no snapshot of messages whose escapes make it too large", async () => {
  const results = ["t1", "t2"].map((messageId) =>
    event("TOOL_CALL_RESULT", { messageId, toolCallId: "c", content: "\u0001".repeat(1_500_000) }),
  );
  const told = namesOf(await tell([started, ...results, finished], { snapshot: true }));
  expect(told).toEqual(["RUN_STARTED", "TOOL_CALL_RESULT", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
});
