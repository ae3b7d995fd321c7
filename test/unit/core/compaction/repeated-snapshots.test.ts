import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { CompactLog } from "../../../../src/core/compaction/compact-log.ts";
import { compactSession } from "../../../../src/core/compaction/compact-session.ts";
import { SeenIds } from "../../../../src/core/compaction/seen-ids.ts";
import { ShortStrings } from "../../../../src/core/compaction/short-strings.ts";
import { isExactlyCompacted } from "../../../../src/core/compaction/verify-compacted.ts";
import { createLogId } from "../../../../src/ports/log-id.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { drain, textOf, utf8 } from "../../../contract/bytes.ts";
import { agentLog } from "../../../oracle/agent-log.ts";
import { compactLines } from "../../../oracle/compact.ts";
import { chunkSizes, cut } from "../../stream/chunks.ts";

type Json = Record<string, unknown>;

const LONG = "x".repeat(700_000);
const KEY = { project: "p", session: "s" };
// trailers, whose length decides where blocks end, have it in them
const LOG_ID = createLogId(0);
const signal = new AbortController().signal;

const user = (id: string): Json => ({ id, role: "user", content: "Hi" });
const said = (id: string, content: string): Json => ({ id, role: "assistant", content });
const snapshot = (messages: readonly Json[], more: Json = {}): Json => ({
  type: "MESSAGES_SNAPSHOT",
  messages,
  ...more,
});
const posted = (run: string, ...messages: Json[]): Json => snapshot(messages, { runId: run });
const started = (run: string, more: Json = {}): Json => ({
  type: "RUN_STARTED",
  threadId: "t",
  runId: run,
  ...more,
});
const finished = (run: string): Json => ({ type: "RUN_FINISHED", threadId: "t", runId: run });
const text = (messageId: string, ...deltas: string[]): Json[] => [
  { type: "TEXT_MESSAGE_START", messageId, role: "assistant" },
  ...deltas.map((delta) => ({ type: "TEXT_MESSAGE_CONTENT", messageId, delta })),
  { type: "TEXT_MESSAGE_END", messageId },
];
const call = (toolCallId: string, parentMessageId?: string): Json[] => [
  { type: "TOOL_CALL_START", toolCallId, toolCallName: "f", parentMessageId },
  { type: "TOOL_CALL_ARGS", toolCallId, delta: "{}" },
  { type: "TOOL_CALL_END", toolCallId },
];
const result = (messageId: string, toolCallId: string, content = "done"): Json => ({
  type: "TOOL_CALL_RESULT",
  messageId,
  toolCallId,
  content,
});
const thought = (messageId: string): Json[] => [
  { type: "REASONING_START", messageId },
  { type: "REASONING_MESSAGE_START", messageId, role: "reasoning" },
  { type: "REASONING_MESSAGE_CONTENT", messageId, delta: "hm" },
  { type: "REASONING_MESSAGE_END", messageId },
  { type: "REASONING_END", messageId },
];
const calling = (id: string, ...callIds: string[]): Json => ({
  id,
  role: "assistant",
  toolCalls: callIds.map((callId) => ({
    id: callId,
    type: "function",
    function: { name: "f", arguments: "{}" },
  })),
});
const answer = (id: string, toolCallId: string): Json => ({
  id,
  role: "tool",
  toolCallId,
  content: "done",
});

const linesOf = (events: readonly Json[]): string[] => events.map((event) => JSON.stringify(event));

/** How many snapshots of the last run, but that of what it was posted with, are still there. */
function left(events: readonly Json[]): number {
  const lines = compactLines(linesOf(events));
  const from = lines.findLastIndex((line) => line.includes("RUN_STARTED"));
  return lines.slice(from).filter((line) => line.includes("MESSAGES_SNAPSHOT")).length;
}

const run = (...events: Json[]): Json[] => [
  posted("r", user("u")),
  started("r"),
  ...events,
  finished("r"),
];

describe("a snapshot of messages in a compact log", () => {
  it.each<[string, Json[]]>([
    ["texts", run(...text("m", "a", "b"), snapshot([user("u"), said("m", "ab")]))],
    [
      "calls and their results",
      run(
        ...text("m", "a"),
        ...call("c", "m"),
        ...call("d", "m"),
        result("x", "c"),
        result("y", "d"),
        ...call("e"),
        snapshot([
          user("u"),
          { ...calling("m", "c", "d"), content: "a" },
          answer("x", "c"),
          answer("y", "d"),
          calling("e", "e"),
        ]),
      ),
    ],
    ["nothing", run(snapshot([user("u")]))],
    [
      "all but the reasoning",
      run(...thought("g"), ...text("m"), snapshot([user("u"), said("m", "")])),
    ],
    [
      "a text that goes on",
      run(...text("m", "a", "b").toSpliced(2, 0, snapshot([user("u"), said("m", "a")]))),
    ],
    [
      "what an earlier snapshot of a run has that was not posted, and what came since",
      [
        started("r"),
        ...text("m", "a"),
        snapshot([said("m", "a")]),
        ...text("n", "b"),
        snapshot([said("m", "a"), said("n", "b")]),
        finished("r"),
        started("last"),
        finished("last"),
      ],
    ],
    [
      "messages that the run's input has as well",
      run().toSpliced(
        1,
        1,
        started("r", { input: { messages: [user("u")] } }),
        snapshot([user("u")]),
      ),
    ],
  ])("is left out where it says again: %s", (_, events) => {
    expect(left(events)).toBe(0);
  });

  const same = snapshot([user("u"), said("m", "ab")]);

  it.each<[string, Json[]]>([
    [
      "the first of a run that was not posted",
      [started("r"), ...text("m", "ab"), snapshot([said("m", "ab")]), finished("r")],
    ],
    ["a message less", run(...text("m", "ab"), snapshot([user("u")]))],
    [
      "a message more",
      run(...text("m", "ab"), snapshot([user("u"), said("m", "ab"), said("n", "")])),
    ],
    ["another order", run(...text("m", "ab"), snapshot([said("m", "ab"), user("u")]))],
    ["another text", run(...text("m", "a"), same)],
    ["another id", run(...text("n", "ab"), same)],
    [
      "the reasoning as well",
      run(...thought("g"), snapshot([user("u"), { id: "g", role: "reasoning", content: "hm" }])),
    ],
    [
      "reasoning in a run that was not posted",
      [
        started("r"),
        snapshot([user("u")]),
        ...thought("g"),
        snapshot([user("u")]),
        finished("r"),
      ].toSpliced(1, 1),
    ],
    [
      "an id that an earlier run has had",
      [started("q"), ...text("m", "q"), finished("q"), ...run(...text("m", "ab"), same)],
    ],
    [
      "an id that an earlier input has had",
      [
        started("q", { input: { messages: [said("m", "q")] } }),
        finished("q"),
        ...run(...text("m", "ab"), same),
      ],
    ],
    [
      "an id of an earlier call",
      [started("q"), ...call("m"), finished("q"), ...run(...text("m", "ab"), same)],
    ],
    [
      "a text with metadata",
      run(
        ...text("m", "ab").with(0, { type: "TEXT_MESSAGE_START", messageId: "m", metadata: {} }),
        same,
      ),
    ],
    [
      "a text of a user",
      run(
        ...text("m", "ab").with(0, { type: "TEXT_MESSAGE_START", messageId: "m", role: "user" }),
        same,
      ),
    ],
    [
      "a text after a chunk",
      run({ type: "TEXT_MESSAGE_CHUNK", messageId: "z", delta: "x" }, ...text("m", "ab"), same),
    ],
    [
      "a text after an activity",
      run(
        { type: "ACTIVITY_SNAPSHOT", messageId: "z", activityType: "p", content: {} },
        ...text("m", "ab"),
        same,
      ),
    ],
    [
      "a text that an event of an unknown type follows",
      run(...text("m", "ab"), { type: "SOMETHING_NEW" }, same),
    ],
    [
      "a text of another run",
      run(
        ...text("m", "ab").with(0, { type: "TEXT_MESSAGE_START", messageId: "m", runId: "q" }),
        same,
      ),
    ],
    [
      "a text before the run",
      [posted("r", user("u")), ...text("m", "ab"), started("r"), same, finished("r")],
    ],
    [
      "more than the input had",
      run(...text("m", "ab"), same).with(1, started("r", { input: { messages: [user("v")] } })),
    ],
    [
      "a result that older clients put elsewhere",
      run(
        ...call("c"),
        ...text("m"),
        result("x", "c"),
        snapshot([user("u"), calling("c", "c"), answer("x", "c"), said("m", "")]),
      ),
    ],
    [
      "a call that older clients put elsewhere",
      run(
        ...text("m"),
        ...text("n"),
        ...call("c", "m"),
        snapshot([user("u"), { ...calling("m", "c"), content: "" }, said("n", "")]),
      ),
    ],
    ["a snapshot with members that are not known", run(...text("m", "ab"), { ...same, extra: 1 })],
    ["a snapshot of another run", run(...text("m", "ab"), { ...same, run_id: "q" })],
    [
      "a number that is written otherwise",
      [
        posted("r", { ...user("u"), n: 1 }),
        started("r"),
        snapshot([{ ...user("u"), n: "1" }]),
        finished("r"),
      ],
    ],
    [
      "an id that two messages have",
      [
        posted("r", user("u"), user("u")),
        started("r"),
        snapshot([user("u"), user("u")]),
        finished("r"),
      ],
    ],
  ])("stays with %s", (_, events) => {
    expect(left(events)).toBe(1);
  });

  it("stays where a name was written twice before it, of which either may count", () => {
    const before = '{"type":"TEXT_MESSAGE_START","messageId":"m","messageId":"n"}';
    const lines = [before, JSON.stringify(finished("q"))];
    const isLeft = (id: string): boolean => {
      const again = snapshot([user("u"), said(id, "ab")]);
      const compacted = compactLines([...lines, ...linesOf(run(...text(id, "ab"), again))]);
      return compacted.includes(JSON.stringify(again));
    };
    expect(["m", "n", "o"].map(isLeft)).toEqual([true, true, false]);
  });

  it.each<[string, Json]>([
    ["a result", result("x", "c", LONG)],
    ["a snapshot", snapshot([said("x", LONG), answer("c", "y")])],
    ["an input", started("r", { input: { messages: [said("x", LONG), calling("y", "c")] } })],
    ["a message with escapes", snapshot([said("x", LONG), said("c", '"\\')])],
  ])("is left out in runs after %s of any length, but for the ids in it", (_, long) => {
    const first = [started("q"), long, finished("q")];
    expect(left([...first, ...run(...text("m", "ab"), same)])).toBe(0);
    for (const id of ["x", "c"]) {
      const again = snapshot([user("u"), said(id, "ab")]);
      expect(left([...first, ...run(...text(id, "ab"), again)])).toBe(1);
    }
  });

  it("stays in a run that has a line of any length", () => {
    expect(left(run(...text("m", "ab"), { type: "RAW", event: LONG }, same))).toBe(1);
  });

  it("is the same one that is left out, whoever compacts the log and however often", async () => {
    let leftOut = 0;
    await fc.assert(
      fc.asyncProperty(
        agentLog({ isValid: false }),
        fc.array(fc.nat(5), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        async (lines, steps, isOneProcess) => {
          const whole = await sessionOf(lines);
          await compact(whole.store);
          const want = textOf(await compactBytes(whole.store, whole.logId));
          const count = (all: readonly string[]): number =>
            all.filter((line) => line.includes("MESSAGES_SNAPSHOT")).length;
          leftOut += Number(count(eventsIn(want)) < count(lines));
          const { store, logId } = await sessionOf([]);
          const log = new CompactLog(KEY, store);
          let at = 0;
          for (let step = 0; at < lines.length; step++) {
            const to = at + 1 + (steps[step % steps.length] ?? 0) * 3;
            const { end } = (await store.stat(KEY))!;
            const bytes = utf8(
              lines
                .slice(at, to)
                .map((line) => `${line}\n`)
                .join(""),
            );
            await store.append(KEY, bytes, { logId, expectedEnd: end.raw });
            at = to;
            await compact(store, isOneProcess ? log : new CompactLog(KEY, store));
          }
          // one that gained nothing is not tried again by the same process until it has grown
          await compact(store);
          const got = textOf(await compactBytes(store, logId));
          expect(got).toBe(want);
          const stat = (await store.stat(KEY))!;
          const position = await new CompactLog(KEY, store).find(stat);
          const readable = { stat, from: 0 };
          if (position)
            expect(await isExactlyCompacted({ key: KEY, store, readable, signal }, position)).toBe(
              true,
            );
        },
      ),
      { numRuns: 150, endOnFailure: true },
    );
    expect(leftOut).toBeGreaterThan(50);
  });
});

describe("short strings", () => {
  it("are all that JSON has, wherever its bytes are cut", () => {
    fc.assert(
      fc.property(fc.json(), chunkSizes, (json, sizes) => {
        const found = new Set<string>();
        const strings = new ShortStrings((string) => found.add(string));
        for (const piece of cut(utf8(json), sizes)) strings.push(piece);
        JSON.parse(json, (key, value: unknown) => {
          expect(found.has(key) || key === "" || /^\d+$/.test(key)).toBe(true);
          if (typeof value === "string" && value.isWellFormed()) expect(found).toContain(value);
          return value;
        });
      }),
    );
  });

  it("have 256 characters at most, each written in any way", () => {
    const longest = "é".repeat(256);
    const escaped = "\\u00e9".repeat(256);
    const found: string[] = [];
    const strings = new ShortStrings((string) => found.push(string));
    strings.push(utf8(`["${longest}","${escaped}","${escaped}${escaped}","a"`));
    expect(found).toEqual([longest, longest, "a"]);
  });
});

describe("ids that were seen", () => {
  it("are known, and hardly any other, until there are too many", () => {
    const seen = new SeenIds();
    for (let index = 0; index < 10_000; index++) seen.add(`id-${index}`);
    let others = 0;
    for (let index = 0; index < 10_000; index++) {
      expect(seen.has(`id-${index}`)).toBe(true);
      others += Number(seen.has(`other-${index}`));
    }
    expect(others).toBeLessThan(3);
    for (let index = 0; index < 1 << 18; index++) seen.add(`more-${index}`);
    expect(seen.has("other-1")).toBe(true);
  });
});

async function sessionOf(lines: readonly string[]): Promise<{ store: LogStore; logId: string }> {
  const store = createMemoryLogStore();
  const { logId } = await store.create(KEY, { logId: LOG_ID });
  const bytes = utf8(lines.map((line) => `${line}\n`).join(""));
  if (lines.length > 0) await store.append(KEY, bytes, { logId, expectedEnd: 0 });
  return { store, logId };
}

async function compact(store: LogStore, log = new CompactLog(KEY, store)): Promise<void> {
  const readable = { stat: (await store.stat(KEY))!, from: 0 };
  await compactSession({ key: KEY, store, log, readable, signal });
}

async function compactBytes(store: LogStore, logId: string): Promise<Uint8Array> {
  return drain(store.read(KEY, { logId, log: "compact" }));
}

const eventsIn = (bytes: string): string[] =>
  bytes.split("\n").filter((line) => !line.startsWith("#"));
