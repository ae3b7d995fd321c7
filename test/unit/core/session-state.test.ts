import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KNOWN_MESSAGES, KnownMessages } from "../../../src/core/known-messages.ts";
import { decodeHead, encodeHead } from "../../../src/core/session-head.ts";
import {
  admitRun,
  EMPTY_STATE,
  findRun,
  foldEvent,
  REMEMBERED_RUNS,
  type SessionState,
  withdrawRun,
} from "../../../src/core/session-state.ts";
import { MAX_HEAD_BYTES } from "../../../src/ports/log-store.ts";
import type { EventFacts } from "../../../src/ports/runner-client.ts";

function event(type: string, rest: Partial<EventFacts> = {}): EventFacts {
  return { bytes: 10, type, runId: null, toolCallId: null, toolCallName: null, ...rest };
}

/** The status behind each event, from an empty log. */
function statuses(events: readonly EventFacts[]): (string | null)[] {
  let state = EMPTY_STATE;
  return events.map((next) => {
    state = foldEvent(state, next);
    return state.status;
  });
}

const started = (runId = "a") => event("RUN_STARTED", { runId });
const finished = (runId: string | null = "a") => event("RUN_FINISHED", { runId });
const failed = (runId: string | null = "a") => event("RUN_ERROR", { runId });
const said = (runId: string | null = "a") => event("MESSAGES_SNAPSHOT", { runId });
const asks = (toolCallId = "q", toolCallName = "AskUserQuestion") =>
  event("TOOL_CALL_START", { toolCallId, toolCallName });
const answered = (toolCallId = "q") => event("TOOL_CALL_RESULT", { toolCallId });
const text = event("TEXT_MESSAGE_CONTENT");

describe("agentStatus (PROTOCOL 7)", () => {
  it.each<[string, EventFacts[], (string | null)[]]>([
    ["is unknown until an event decides it", [text, event("CUSTOM")], [null, null]],
    [
      "is working from the caller's message on",
      [said(), started(), text],
      ["working", "working", "working"],
    ],
    ["is idle behind the run", [started(), finished()], ["working", "idle"]],
    [
      "is idle behind a run that was cut",
      [started(), text, failed()],
      ["working", "working", "idle"],
    ],
    ["counts an end without a run id", [started(), finished(null)], ["working", "idle"]],
    [
      "ignores the end of another run",
      [started(), finished("b"), finished("")],
      ["working", "working", "working"],
    ],
    [
      "waits for an answer",
      [started(), asks(), text, finished()],
      ["working", "waiting_input", "waiting_input", "waiting_input"],
    ],
    [
      "knows the question by any spelling",
      [started(), asks("q", "ask_user_question")],
      ["working", "waiting_input"],
    ],
    [
      "knows no other tool as a question",
      [started(), asks("q", "AskUserQuestions")],
      ["working", "working"],
    ],
    [
      "works on when the answer comes in the same run",
      [started(), asks(), answered(), finished()],
      ["working", "waiting_input", "working", "idle"],
    ],
    [
      "is not misled by another tool's result",
      [started(), asks(), answered("other")],
      ["working", "waiting_input", "waiting_input"],
    ],
    [
      "works again once the answer is posted",
      [started(), asks(), finished(), said("b")],
      ["working", "waiting_input", "waiting_input", "working"],
    ],
    [
      "is not changed by the runner's own snapshot",
      [started(), asks(), said(null), finished(), said("a")],
      ["working", "waiting_input", "waiting_input", "waiting_input", "waiting_input"],
    ],
    ["is not changed by a migrated log", [said("legacy-migration")], [null]],
    [
      "stays working while another run waits",
      [started(), said("b"), finished(), started("b"), finished("b")],
      ["working", "working", "working", "working", "idle"],
    ],
    ["counts the end of a run that was never started", [said(), failed()], ["working", "idle"]],
  ])("%s", (_title, events, expected) => {
    expect(statuses(events)).toEqual(expected);
  });
});

describe("the runs of a state", () => {
  it("are remembered, the oldest forgotten first, and none that waits", () => {
    let state = admitRun(EMPTY_STATE, "waits", "t");
    for (let i = 0; i < REMEMBERED_RUNS + 50; i++)
      for (const next of [started(`r${i}`), finished(`r${i}`)]) state = foldEvent(state, next);
    expect(findRun(state, "waits")).toEqual({ runId: "waits", threadId: "t", phase: "waiting" });
    expect(findRun(state, "r49")).toBeNull();
    expect(findRun(state, "r50")?.phase).toBe("ended");
    expect(state.runs).toHaveLength(REMEMBERED_RUNS + 1);
  });

  it("are as before when an admission is taken back", () => {
    const before = foldEvent(foldEvent(EMPTY_STATE, started()), finished());
    expect(withdrawRun(admitRun(before, "b", "t"), "b")).toEqual(before);
  });
});

const facts: fc.Arbitrary<EventFacts> = fc.record({
  bytes: fc.integer({ min: 3, max: 5_000 }),
  type: fc.constantFrom(
    "RUN_STARTED",
    "RUN_FINISHED",
    "RUN_ERROR",
    "MESSAGES_SNAPSHOT",
    "TOOL_CALL_START",
    "TOOL_CALL_RESULT",
    "CUSTOM",
    "",
  ),
  runId: fc.constantFrom(null, "", "a", "b", "c", "legacy-migration"),
  toolCallId: fc.constantFrom(null, "q", "w"),
  toolCallName: fc.constantFrom(null, "AskUserQuestion", "Read"),
});

function folded(events: readonly EventFacts[], from: SessionState = EMPTY_STATE): SessionState {
  return events.reduce(foldEvent, from);
}

describe("a head", () => {
  it("gives back the state it was made of, and folding goes on from it as from the log's start", () => {
    fc.assert(
      fc.property(fc.array(facts), fc.array(facts), (before, behind) => {
        const messages = new KnownMessages();
        messages.add("m");
        const head = decodeHead(encodeHead({ state: folded(before), messages }));
        expect(folded(behind, head.state)).toEqual(folded([...before, ...behind]));
        expect(head.messages.has("m")).toBe(true);
      }),
    );
  });

  it("fits its bound however long the ids are, and loses the oldest ended runs first", () => {
    let state = EMPTY_STATE;
    const messages = new KnownMessages();
    for (let i = 0; i < 3_000; i++) messages.add(`message-${i}`);
    for (let i = 0; i < 100; i++) {
      const runId = `${i}-${"€".repeat(250)}`;
      state = folded([started(runId), finished(runId)], admitRun(state, runId, "😀".repeat(125)));
    }
    const bytes = encodeHead({ state: admitRun(state, "last", "t"), messages });
    expect(bytes.length).toBeLessThanOrEqual(MAX_HEAD_BYTES);
    const head = decodeHead(bytes);
    expect(head.state.runs.at(-1)?.runId).toBe("last");
    expect(head.state.runs.at(-2)?.runId).toMatch(/^99-/);
    expect(head.state.offset).toBe(state.offset);
  });

  it.each(["", "{", "[]", "null", '{"version":2}', '{"version":1}', "\u0000"])(
    "that says %j says nothing",
    (damaged) => {
      const head = decodeHead(new TextEncoder().encode(damaged));
      expect(head.state).toEqual(EMPTY_STATE);
    },
  );
});

describe("known messages", () => {
  it("are the latest that were added, over a round trip through the head", () => {
    const messages = new KnownMessages();
    for (let i = 0; i < KNOWN_MESSAGES + 10; i++) messages.add(`m${i}`);
    const again = KnownMessages.decode(messages.encode());
    expect(again.has("m9")).toBe(false);
    for (let i = 10; i < KNOWN_MESSAGES + 10; i++) expect(again.has(`m${i}`)).toBe(true);
    expect(again.has("other")).toBe(false);
  });

  it("tell ids apart that are alike", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 200 }),
        ([other = "", ...ids]) => {
          const messages = new KnownMessages();
          for (const id of ids) messages.add(id);
          expect(messages.has(other)).toBe(false);
          for (const id of ids) expect(messages.has(id)).toBe(true);
        },
      ),
    );
  });
});
