import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashText, PostedMessageIds } from "../../../../src/core/model/posted-message-ids.ts";
import { digestOf } from "../../../../src/core/runs/message-digest.ts";
import { NO_RUN_OPEN } from "../../../../src/core/model/run-span.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../../../src/core/model/checkpoint.ts";
import {
  admitRun,
  EMPTY_STATE,
  findRun,
  foldEvent,
  foldEvents,
  forgetRun,
  REMEMBERED_RUNS,
  type SessionState,
  unendedRuns,
} from "../../../../src/core/model/session-state.ts";
import { MAX_HEAD_BYTES } from "../../../../src/ports/log-store.ts";
import type { EventFacts } from "../../../../src/ports/runner-client.ts";

function event(type: string, rest: Partial<EventFacts> = {}): EventFacts {
  const none = { toolCallId: null, toolCallName: null, name: null, outcome: null };
  return { bytes: 10, type, runId: null, runnerRunId: null, ...none, ...rest };
}

/** Something that happens to a session: an event of its log, or the admission of a run. */
type Step = EventFacts | { readonly admitted: string };

const after = (state: SessionState, step: Step): SessionState =>
  "admitted" in step ? admitRun(state, step.admitted, "t") : foldEvent(state, step);

/** The status after each step, from an empty log. */
function statuses(steps: readonly Step[]): (string | null)[] {
  let state = EMPTY_STATE;
  return steps.map((step) => {
    state = after(state, step);
    return state.status;
  });
}

const started = (runId = "a") => event("RUN_STARTED", { runId });
const finished = (runId: string | null = "a") => event("RUN_FINISHED", { runId });
const interrupted = () => event("RUN_FINISHED", { runId: "a", outcome: "interrupt" });
const failed = (runId: string | null = "a") => event("RUN_ERROR", { runId });
const said = (runId: string | null = "a") => event("MESSAGES_SNAPSHOT", { runId });
const posted = (admitted = "a") => ({ admitted });
const asks = (toolCallId = "q", toolCallName = "AskUserQuestion") =>
  event("TOOL_CALL_START", { toolCallId, toolCallName });
const answered = (toolCallId = "q") => event("TOOL_CALL_RESULT", { toolCallId });
const text = event("TEXT_MESSAGE_CONTENT");

describe("foldEvents", () => {
  it("gives the state that the events give one by one", () => {
    const some = fc.constantFrom(
      text,
      { ...text, bytes: 7 },
      started(),
      started("b"),
      finished(),
      finished("b"),
      finished(null),
      interrupted(),
      failed("c"),
      said(),
      asks(),
      asks("q", "other"),
      answered(),
      answered("other"),
      event("CUSTOM", { name: "on_interrupt" }),
      event("CUSTOM", { name: "else" }),
    );
    fc.assert(
      fc.property(fc.array(some, { maxLength: 30 }), (events) => {
        const before = admitRun(EMPTY_STATE, "a", "t");
        expect(foldEvents(before, events)).toEqual(events.reduce(foldEvent, before));
      }),
      { numRuns: 500 },
    );
  });

  it("leaves the runs the same where no event changes them", () => {
    const before = admitRun(EMPTY_STATE, "a", "t");
    expect(foldEvents(before, [text, said(), asks()]).runs).toBe(before.runs);
  });
});

describe("agentStatus (PROTOCOL 7)", () => {
  it.each<[string, Step[], (string | null)[]]>([
    ["is unknown until an event decides it", [text, event("CUSTOM")], [null, null]],
    [
      "is working from the admission of a run on",
      [posted(), started(), text],
      ["working", "working", "working"],
    ],
    ["is idle after the run", [started(), finished()], ["working", "idle"]],
    [
      "is idle after a run that was cut",
      [started(), text, failed()],
      ["working", "working", "idle"],
    ],
    ["counts an end without a run id", [started(), finished(null)], ["working", "idle"]],
    [
      "counts an end under an id that nobody began",
      [started(), finished("b")],
      ["working", "idle"],
    ],
    [
      "ignores the end of another run, however often it comes",
      [started("b"), started(), finished("b"), finished("b")],
      ["working", "working", "working", "working"],
    ],
    [
      "counts an end under the id of an earlier run",
      [started("b"), finished("b"), started(), finished("b")],
      ["working", "idle", "working", "idle"],
    ],
    [
      "knows a run by the id that its runner gives it",
      [
        posted(),
        event("RUN_STARTED", { runId: "a", runnerRunId: "x" }),
        started("x"),
        started("within"),
        started("x"),
        finished("within"),
        finished("x"),
      ],
      ["working", "working", "working", "working", "working", "working", "idle"],
    ],
    [
      "waits for who was asked by an interrupt, until a run begins",
      [started(), interrupted(), text, posted("b"), started("b"), finished("b")],
      ["working", "waiting_input", "waiting_input", "working", "working", "idle"],
    ],
    [
      "waits for who was asked by a custom event",
      [started(), event("CUSTOM", { name: "on_interrupt" }), finished(), started("b")],
      ["working", "waiting_input", "waiting_input", "working"],
    ],
    ["counts an end with an empty run id", [started(), finished("")], ["working", "idle"]],
    [
      "counts the end of a run that began without an id",
      [posted(), started(""), failed("a")],
      ["working", "working", "idle"],
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
      [started(), asks(), finished(), posted("b")],
      ["working", "waiting_input", "waiting_input", "working"],
    ],
    [
      "is not changed by the runner's own snapshot",
      [started(), asks(), said(null), finished(), said("a")],
      ["working", "waiting_input", "waiting_input", "waiting_input", "waiting_input"],
    ],
    [
      "is not changed by a snapshot that looks like the announcement of a run",
      [started(), said("b"), finished(), said("c")],
      ["working", "working", "idle", "idle"],
    ],
    ["is not changed by a migrated log", [said("legacy-migration")], [null]],
    [
      "stays working while another run waits",
      [started(), posted("b"), finished(), started("b"), finished("b")],
      ["working", "working", "working", "working", "idle"],
    ],
    ["counts the end of a run that was never started", [posted(), failed()], ["working", "idle"]],
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

  it("that were posted are not driven out by those that only runners know", () => {
    let state = EMPTY_STATE;
    for (const step of [posted(), started(), finished()]) state = after(state, step);
    for (let i = 0; i < 1_000; i++) state = foldEvent(state, started(`r${i}`));
    expect(findRun(state, "a")?.phase).toBe("ended");
    expect(state.runs).toHaveLength(REMEMBERED_RUNS + 1);
    expect(unendedRuns(state)).toEqual([{ runId: "r999", threadId: "", phase: "started" }]);
  });

  it("are as before when an admitted one is forgotten", () => {
    const before = foldEvent(foldEvent(EMPTY_STATE, started()), finished());
    expect(forgetRun(admitRun(before, "b", "t"), "b")).toEqual(before);
  });

  it("end when their terminal comes, also while a run that began within them is open", () => {
    const state = [posted(), started(), started("within"), finished()].reduce(after, EMPTY_STATE);
    expect(findRun(state, "a")?.phase).toBe("ended");
    expect(unendedRuns(state)).toMatchObject([{ runId: "within" }]);
    expect(foldEvent(state, failed("within")).status).toBe("idle");
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
  runnerRunId: fc.constantFrom(null, null, "", "a", "x"),
  name: fc.constantFrom(null, "on_interrupt"),
  outcome: fc.constantFrom(null, "success", "interrupt"),
  toolCallId: fc.constantFrom(null, "q", "w"),
  toolCallName: fc.constantFrom(null, "AskUserQuestion", "Read"),
});

function folded(events: readonly EventFacts[], from: SessionState = EMPTY_STATE): SessionState {
  return events.reduce(foldEvent, from);
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: facts },
  { weight: 1, arbitrary: fc.record({ admitted: fc.constantFrom("a", "b", "c") }) },
);

/** What a session's status means, said without any bounds: the model of the fold. */
function model(happened: readonly Step[]): string | null {
  let status: string | null = null;
  let question: string | null = null;
  let open: string | null = null;
  let named: { id: string; runId: string } | null = null;
  let begun: string[] = [];
  let over: string[] = [];
  const phases = new Map<string, string>();
  const openOnes = (): string[] =>
    [...phases.keys()].filter((runId) => phases.get(runId) === "started");
  const rest = (): string => {
    if ([...phases.values()].includes("waiting")) return "working";
    return question === null ? "idle" : "waiting_input";
  };
  for (const step of happened) {
    if ("admitted" in step) {
      phases.set(step.admitted, "waiting");
      [status, question] = ["working", null];
      continue;
    }
    const { type, toolCallId, toolCallName, runnerRunId } = step;
    const given = step.runId ?? "";
    const runId: string = named?.id === given ? named.runId : given;
    if (type === "RUN_STARTED") {
      if (runnerRunId !== null) named = { id: runnerRunId, runId };
      if (begun.length === 0) {
        over = [];
        if (named?.runId !== runId) named = null;
      }
      begun = [...begun.filter((other) => other !== runId), runId];
      over = over.filter((other) => other !== runId);
      if (runId !== "") phases.set(runId, "started");
      [status, question, open] = ["working", null, runId];
    } else if (type === "TOOL_CALL_START" && toolCallName === "AskUserQuestion") {
      [status, question] = ["waiting_input", toolCallId ?? ""];
    } else if (type === "CUSTOM" && step.name === "on_interrupt") {
      [status, question] = ["waiting_input", ""];
    } else if (type === "TOOL_CALL_RESULT" && question !== null && toolCallId === question) {
      [status, question] = [open === null ? status : "working", null];
    } else if (type === "RUN_FINISHED" || type === "RUN_ERROR") {
      const ended: string = runId || (open ?? "");
      const isUnknown = ended !== open && !begun.includes(ended) && !over.includes(ended);
      const isOfWaiting = ["waiting", "started"].includes(phases.get(ended) ?? "");
      const endsAny =
        ended === (open ?? "") || (isUnknown && (open !== null || openOnes().length > 0));
      if (isUnknown) {
        for (const other of endsAny || isOfWaiting ? openOnes() : []) phases.set(other, "ended");
        [open, begun, over] = [null, [], []];
      } else {
        begun = begun.filter((other) => other !== ended);
        over = begun.length === 0 ? [] : [...over, ended];
        if (ended === open) open = null;
      }
      if (!endsAny && !isOfWaiting) continue;
      if (phases.has(ended)) phases.set(ended, "ended");
      if (type === "RUN_FINISHED" && step.outcome === "interrupt") question ??= "";
      if (open === null) status = rest();
    }
  }
  return status;
}

describe("a state", () => {
  it("is what the model says after any steps", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40 }), (happened) => {
        expect(happened.reduce(after, EMPTY_STATE).status).toBe(model(happened));
      }),
    );
  });
});

const message = (id: string) => digestOf(id, new TextEncoder().encode(`{"id":"${id}"}`));

describe("a head", () => {
  it("gives back the state it was made of, and folding goes on from it as from the log's start", () => {
    fc.assert(
      fc.property(fc.array(steps), fc.array(facts), (before, then) => {
        const messages = new PostedMessageIds();
        messages.remember([message("m")], [0]);
        const state = before.reduce(after, EMPTY_STATE);
        const head = decodeCheckpoint(encodeCheckpoint({ state, messages, savedAtMs: 7 }));
        expect(folded(then, head.state)).toEqual(folded(then, state));
        expect(head.messages.unknown([message("m"), message("n")])).toEqual([1]);
      }),
    );
  });

  it("fits its bound whatever runners and clients say, and loses the oldest ended runs first", () => {
    const long = (i: number) => `${i}-${"\u0001".repeat(250)}`;
    const thread = "😀".repeat(64);
    let state = EMPTY_STATE;
    const transcript = Array.from({ length: 100_000 }, (_, i) => message(`message-${i}`));
    const messages = new PostedMessageIds();
    messages.remember(transcript, [...transcript.keys()]);
    for (let i = 0; i < 100; i++)
      state = folded(
        [started(long(i)), finished(long(i)), started(`x-${long(i)}`)],
        admitRun(state, long(i), thread),
      );
    for (let i = 0; i < 9; i++)
      state = admitRun(state, `${i}-waits-${"\u0001".repeat(240)}`, thread);
    state = foldEvent(state, asks("\u0001".repeat(256)));
    const bytes = encodeCheckpoint({ state: admitRun(state, "last", "t"), messages, savedAtMs: 7 });
    expect(bytes.length).toBeLessThanOrEqual(MAX_HEAD_BYTES);
    const { state: decoded } = decodeCheckpoint(bytes);
    expect(decoded.runs.at(-1)?.runId).toBe("last");
    expect(decoded.runs.filter(({ phase }) => phase === "waiting")).toHaveLength(10);
    expect(decoded.offset).toBe(state.offset);
  });

  it("holds what fits of more waiting runs than have room: the others are found by their marks", () => {
    let state = EMPTY_STATE;
    for (let i = 0; i < 200; i++)
      state = admitRun(state, `${i}-${"x".repeat(250)}`, "y".repeat(256));
    const bytes = encodeCheckpoint({ state, messages: new PostedMessageIds(), savedAtMs: 7 });
    expect(bytes.length).toBeLessThanOrEqual(MAX_HEAD_BYTES);
    expect(decodeCheckpoint(bytes).state.runs.at(-1)?.runId).toMatch(/^199-/);
  });

  it("of the version before is understood: its messages by their ids, its waiting runs by their marks", () => {
    const ids = ["m1", "m2"].map((id) => hashText(id));
    const bytes = new Uint8Array(ids.length * 8);
    for (const [i, id] of ids.entries()) new DataView(bytes.buffer).setFloat64(i * 8, id);
    const old = {
      version: 1,
      offset: 77,
      status: "working",
      question: null,
      openRun: null,
      runs: [
        ["a", "t", "ended"],
        ["announced", "", "waiting"],
      ],
      messages: btoa(String.fromCharCode(...bytes)),
    };
    const { state, messages } = decodeCheckpoint(new TextEncoder().encode(JSON.stringify(old)));
    expect(state).toEqual({
      offset: 77,
      status: "idle",
      question: null,
      ...NO_RUN_OPEN,
      runs: [{ runId: "a", threadId: "t", phase: "ended" }],
    });
    expect(messages.unknown([message("m1"), message("m3"), message("m2")])).toEqual([1]);
  });

  it.each(["", "{", "[]", "null", '{"version":3}', '{"version":2}', '{"version":1}', "\u0000"])(
    "that says %j says nothing",
    (damaged) => {
      const head = decodeCheckpoint(new TextEncoder().encode(damaged));
      expect(head.state).toEqual(EMPTY_STATE);
    },
  );
});
