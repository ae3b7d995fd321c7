import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ParsedEvent } from "../../../../src/core/profile/repair/parsed-event.ts";
import { createByteBudget } from "../../../../src/stream/sync/byte-budget.ts";
import { tellLog, type TellOptions } from "../../../support/told-log.ts";

const ids = { threadId: "s1", runId: "r" };
const started = JSON.stringify({ type: "RUN_STARTED", ...ids });
const finished = JSON.stringify({ type: "RUN_FINISHED", ...ids });

/** The events that are told of a log, as they stand in their frames. */
async function tell(
  lines: readonly string[],
  options: Partial<TellOptions> = {},
): Promise<string[]> {
  const body = await tellLog(lines, { dialect: "1.0", ...options });
  return [...body.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => data);
}

it("a snapshot of the session needs none before it, of whatever runs the history is", async () => {
  const runs = Array.from({ length: 20 }, (_, i) => [
    { type: "RUN_STARTED", threadId: "s1", runId: `r${i}` },
    { type: "TEXT_MESSAGE_START", messageId: `m${i}`, role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: `m${i}`, delta: "Hello" },
    { type: "TEXT_MESSAGE_END", messageId: `m${i}` },
    // what was streamed, under another id: no event can tell that
    { type: "MESSAGES_SNAPSHOT", messages: [{ id: `k${i}`, role: "assistant", content: "Hello" }] },
    { type: "TOOL_CALL_START", toolCallId: `t${i}`, toolCallName: "f", parentMessageId: `k${i}` },
    { type: "TOOL_CALL_END", toolCallId: `t${i}` },
    { type: "RUN_FINISHED", threadId: "s1", runId: `r${i}` },
  ]).flatMap((events) => events.map((event) => JSON.stringify(event)));
  const made = vi.spyOn(ParsedEvent, "joined");
  onTestFinished(() => made.mockRestore());
  for (const dialect of ["0.0", "1.0"] as const) {
    made.mockClear();
    const told = await tell(runs, { dialect, snapshot: true });
    expect(told.filter((event) => event.includes("MESSAGES_SNAPSHOT"))).toHaveLength(1);
    expect(told[1]?.match(/"id":"k\d+"/g)).toHaveLength(20);
    const madeOnce = made.mock.calls.length;
    // a client that is told event by event needs it in each run
    made.mockClear();
    const all = await tell(runs, { dialect });
    expect(all.filter((event) => event.includes("MESSAGES_SNAPSHOT"))).toHaveLength(20);
    expect(made.mock.calls.length - madeOnce).toBeGreaterThanOrEqual(19);
  }
});

describe("what the standard profile tells", () => {
  it("is the bytes that are stored, where a client takes them", async () => {
    const lines = [
      started,
      String.raw`{ "value" : [9007199254740993, 1e400, "\u0041\/"] , "name":"n", "type":"CUSTOM" }`,
      String.raw`{"delta":"\ud83d","messageId":"m","unknown":{"a":null},"type":"RAW","event":null}`,
      finished,
    ];
    expect(await tell(lines)).toEqual(lines);
  });

  it("changes no more of an event than has to be changed", async () => {
    const flawed =
      '{"timestamp":1.6,"type":"CUSTOM","name":"n","rawEvent":null,"value":9007199254740993,"metadata":[]}';
    expect((await tell([started, flawed, finished]))[1]).toBe(
      '{"timestamp":2,"type":"CUSTOM","name":"n","value":9007199254740993}',
    );
  });

  it("is no event of a line that is none", async () => {
    expect(await tell([started, "no JSON", "[1]", "", finished])).toEqual([started, finished]);
  });

  it("is RAW where an event lacks what makes it one", async () => {
    const lacking = '{"type":"TEXT_MESSAGE_START","messageId":7}';
    expect((await tell([started, lacking, finished]))[1]).toBe(
      `{"type":"RAW","event":${lacking},"source":"runlog"}`,
    );
  });

  it("closes what a run leaves open, in the order in which clients want it", async () => {
    const open = [
      { type: "STEP_STARTED", stepName: "s" },
      { type: "REASONING_START", messageId: "g" },
      { type: "REASONING_MESSAGE_START", messageId: "g", role: "reasoning" },
      { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f" },
      { type: "TEXT_MESSAGE_START", messageId: "m" },
      { type: "SUBAGENT_STARTED", subagentRunId: "a", name: "n" },
    ].map((event) => JSON.stringify(event));
    const told = await tell([started, ...open, finished]);
    const types = told.slice(7).map((event) => (JSON.parse(event) as { type: string }).type);
    expect(types).toEqual([
      "TEXT_MESSAGE_END",
      "TOOL_CALL_END",
      "REASONING_MESSAGE_END",
      "REASONING_END",
      "STEP_FINISHED",
      "SUBAGENT_FINISHED",
      "RUN_FINISHED",
    ]);
  });

  it("leaves out a snapshot of a run that says what was streamed, and one for each that does not waits for the end", async () => {
    const run = (runId: string, told: string, streamed: string): string[] => [
      JSON.stringify({ type: "RUN_STARTED", threadId: "s1", runId }),
      JSON.stringify({ type: "TEXT_MESSAGE_START", messageId: runId, role: "assistant" }),
      JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", messageId: runId, delta: streamed }),
      JSON.stringify({ type: "TEXT_MESSAGE_END", messageId: runId }),
      JSON.stringify({
        type: "MESSAGES_SNAPSHOT",
        messages: [{ id: runId, role: "assistant", content: told }],
      }),
      JSON.stringify({ type: "RUN_FINISHED", threadId: "s1", runId }),
    ];
    const isSnapshot = (event: string): boolean => event.includes("MESSAGES_SNAPSHOT");
    expect((await tell([...run("a", "x", "x"), ...run("b", "y", "y")])).filter(isSnapshot)).toEqual(
      [],
    );
    const told = await tell(["a", "b", "c"].flatMap((runId) => run(runId, "more", "mo")));
    expect(told.filter(isSnapshot)).toHaveLength(1);
    expect(told.findIndex(isSnapshot)).toBe(told.length - 2);
    expect(told.find(isSnapshot)?.match(/"more"/g)).toHaveLength(3);
  });

  it("is a history in full, event for event, where the server fails to follow the messages", async () => {
    const lines = [started, '{"type":"TEXT_MESSAGE_START","messageId":"m"}', finished];
    const end = '{"type":"TEXT_MESSAGE_END","messageId":"m"}';
    const logged: unknown[] = [];
    const logger = { info() {}, error() {}, warn: (...line: unknown[]) => void logged.push(line) };
    const messages = createByteBudget(1);
    const tryGrow = (): never => {
      throw new RangeError("Maximum call stack size exceeded");
    };
    const grow = (): Promise<void> => Promise.resolve();
    vi.spyOn(messages, "lease").mockReturnValue({ heldBytes: 0, tryGrow, grow, release() {} });
    for (const snapshot of [false, true])
      expect(await tell(lines, { snapshot, logger, messages })).toEqual([
        ...lines.slice(0, 2),
        end,
        finished,
      ]);
    expect(logged).toContainEqual([
      "event-untold",
      { project: "p1", session: "s1", type: "TEXT_MESSAGE_START", error: "RangeError" },
    ]);
  });

  it("is, of one run, nothing of another that begins beside it", async () => {
    const own = '{"type":"CUSTOM","name":"own","value":1,"runId":"r"}';
    const unnamed = '{"type":"CUSTOM","name":"whose","value":1}';
    const other = started.replace('"r"', '"q"');
    const otherEnd = finished.replace('"r"', '"q"');
    const lines = [
      unnamed,
      started,
      unnamed,
      other,
      unnamed,
      own,
      otherEnd,
      unnamed,
      finished,
      unnamed,
    ];
    expect(await tell(lines, { onlyRun: "r" })).toEqual([started, unnamed, own, unnamed, finished]);
  });

  describe("of documents that patches would make too large or too deep", () => {
    const activity = { messageId: "a", activityType: "PLAN" };
    const doublings = Array.from({ length: 30 }, (_, at) => ({
      op: "copy",
      from: "/a",
      path: `/a/x${at}`,
    }));
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(900)}{}${"}".repeat(900)}`);
    const deeper = [{ op: "add", path: "/a".repeat(901), value: deep }];
    const longest = [{ op: "add", path: `/${"x".repeat(1_000_000)}`, value: 1 }];
    const stateOf = (snapshot: unknown, delta: unknown): unknown[] => [
      { type: "STATE_SNAPSHOT", snapshot },
      { type: "STATE_DELTA", delta },
    ];
    const activityOf = (content: unknown, patch: unknown): unknown[] => [
      { type: "ACTIVITY_SNAPSHOT", ...activity, content },
      { type: "ACTIVITY_DELTA", ...activity, patch },
    ];

    it.each([
      ["a state that doubles", stateOf({ a: {} }, doublings)],
      ["a state that gets deeper by steps", stateOf(deep, deeper)],
      ["a state with a name of a megabyte", stateOf({}, longest)],
      ["an activity that doubles", activityOf({ a: {} }, doublings)],
      ["an activity that gets deeper by steps", activityOf(deep, deeper)],
      ["an activity with a name of a megabyte", activityOf({}, longest)],
    ])("is the history and no snapshot: %s", async (_name, events) => {
      const lines = [started, ...events.map((event) => JSON.stringify(event)), finished];
      expect(await tell(lines, { snapshot: true })).toEqual(lines);
    });

    it.each([0, null, false, ""])(
      "is, where a patch makes %j of the state, before it the state that older clients keep",
      async (value) => {
        const delta = [{ op: "replace", path: "", value }];
        const events = stateOf({ a: 1 }, delta).map((event) => JSON.stringify(event));
        const told = await tell([started, ...events, finished], { snapshot: true, dialect: "0.0" });
        const snapshots = told.filter((event) => event.includes("STATE_SNAPSHOT"));
        expect(snapshots).toEqual(
          [{ a: 1 }, value].map((snapshot) => JSON.stringify({ type: "STATE_SNAPSHOT", snapshot })),
        );
      },
    );

    it("is a snapshot of what many patches have come to, with the text of its numbers", async () => {
      const deltas = Array.from({ length: 500 }, (_, at) => at);
      const lines = [
        started,
        '{"type":"STATE_SNAPSHOT","snapshot":{"n":1.10,"l":[]}}',
        JSON.stringify({ type: "ACTIVITY_SNAPSHOT", ...activity, content: { l: [] } }),
        ...deltas.flatMap((value) => {
          const patch = [{ op: "add", path: "/l/0", value }];
          return [
            { type: "STATE_DELTA", delta: patch },
            { type: "ACTIVITY_DELTA", ...activity, patch },
          ].map((event) => JSON.stringify(event));
        }),
        finished,
      ];
      const l = JSON.stringify(deltas.toReversed());
      const told = await tell(lines, { snapshot: true });
      expect(told).toContain(`{"type":"STATE_SNAPSHOT","snapshot":{"n":1.10,"l":${l}}}`);
      expect(told).toContain(
        `{"type":"MESSAGES_SNAPSHOT","messages":[{"id":"a","role":"activity","activityType":"PLAN","content":{"l":${l}}}]}`,
      );
    });
  });
});
