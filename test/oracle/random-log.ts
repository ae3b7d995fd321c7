import * as fc from "fast-check";

export type Event = Record<string, unknown>;

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const textId = pick("m0", "m1", "m2", "m3");
const callId = pick("t0", "t1", "t2");
const reasoningId = pick("g0", "g1");
const activityId = pick("a0", "a1");
const word = pick(
  "a",
  "b ",
  "\u00e9",
  "\u{1f600}",
  "\ud83d",
  "\ude00",
  '"',
  "\\",
  "\n",
  "{}",
  "c".repeat(40),
);
const delta = fc.array(word, { minLength: 0, maxLength: 3 }).map((words) => words.join(""));
const metadata = fc.option(fc.dictionary(pick("k", "l"), fc.nat(9), { maxKeys: 2 }), {
  nil: undefined,
});
const value = fc.oneof(
  fc.nat(99),
  fc.string({ maxLength: 4 }),
  fc.constant(null),
  fc.constant([1, { b: 2 }]),
);
const path = pick("/a", "/b", "/list/0", "/list/-", "/list/9", "/a/deep", "/obj/x", "/obj", "");

const state = fc.record({ a: fc.nat(9), list: fc.constant([1, 2]), obj: fc.record({ x: value }) });
/**
 * A state as a whole. None that is a number or a text: what is added to one is an error to a client
 * that was bundled, and nothing to the same client in Node, whose patches run as sloppy code.
 */
const root = fc.oneof(state, pick(null, [1, { b: 2 }]));

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({ op: pick("add", "replace"), path, value, root })
      .map(({ root: whole, ...made }) => (made.path === "" ? { ...made, value: whole } : made)),
  },
  { weight: 1, arbitrary: fc.record({ op: pick("test"), path, value }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: pick("remove"), path: pick("/a", "/b", "/list/0", "/obj/x") }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: pick("copy", "move"),
      path: pick("/a", "/b", "/list/-"),
      from: pick("/a", "/b", "/obj"),
    }),
  },
  // no client applies these
  {
    weight: 1,
    arbitrary: pick<unknown>(
      { op: "bogus", path: "/a" },
      { op: "add", path: "/a" },
      { op: "add", path: "a", value: 1 },
      7,
    ),
  },
);
const patch = fc.array(operation, { minLength: 1, maxLength: 3 });

const toolCall = fc.record({
  id: callId,
  type: pick("function"),
  function: fc.record({ name: pick("f", "g"), arguments: delta }),
});

/** A message as a runner's snapshot has it. */
const message = fc.oneof(
  fc.record({ id: textId, role: pick("assistant"), content: delta, metadata }),
  fc.record({ id: pick("u0", "u1", "u2"), role: pick("user"), content: delta }),
  fc.record({
    id: pick("p0", "p1"),
    role: pick("assistant"),
    toolCalls: fc.array(toolCall, { minLength: 1, maxLength: 1 }),
  }),
  fc.record({ id: pick("x0", "x1"), role: pick("tool"), toolCallId: callId, content: delta }),
);

export type Messages = fc.Arbitrary<readonly { readonly id: string }[]>;

/** Messages of a snapshot, each id once. */
const messages: Messages = fc.uniqueArray(message, { selector: ({ id }) => id, maxLength: 4 });

/** The same, with roles of which clients before 1.0 keep the messages in ways of their own. */
const anyMessage = fc.oneof(
  { weight: 6, arbitrary: message },
  {
    weight: 1,
    arbitrary: fc.record({ id: reasoningId, role: pick("reasoning"), content: delta }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      id: activityId,
      role: pick("activity"),
      activityType: pick("plan"),
      content: fc.record({ a: fc.nat(5) }),
    }),
  },
);

/** Now and then two messages have one id: a thought and what it led to, or a turn that was tried again. */
const copiedMessages: Messages = fc.oneof(
  { weight: 5, arbitrary: fc.uniqueArray(anyMessage, { selector: ({ id }) => id, maxLength: 4 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(messages, textId, pick("reasoning", "assistant"), delta, delta)
      .map(([others, id, role, first, second]) => [
        ...others.filter((other) => other.id !== id),
        { id, role, content: first },
        { id, role: "assistant", content: second },
      ]),
  },
);

const event = (snapshot: fc.Arbitrary<unknown>, said: Messages): fc.Arbitrary<Event> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: pick("TEXT_MESSAGE_START"),
        messageId: textId,
        role: pick("assistant", "user", "system"),
        metadata,
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        type: pick("TEXT_MESSAGE_CONTENT"),
        messageId: textId,
        delta,
        metadata,
      }),
    },
    { weight: 4, arbitrary: fc.record({ type: pick("TEXT_MESSAGE_END"), messageId: textId }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: pick("TEXT_MESSAGE_CHUNK"),
        messageId: pick("c0", "c1"),
        delta,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: pick("TOOL_CALL_START"),
        toolCallId: callId,
        toolCallName: pick("f", "g"),
        parentMessageId: fc.option(pick("m0", "m1", "p0"), { nil: undefined }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ type: pick("TOOL_CALL_ARGS"), toolCallId: callId, delta }),
    },
    { weight: 3, arbitrary: fc.record({ type: pick("TOOL_CALL_END"), toolCallId: callId }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: pick("TOOL_CALL_RESULT"),
        messageId: pick("x0", "x1", "x2"),
        toolCallId: callId,
        content: delta,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: pick("REASONING_START", "REASONING_END"),
        messageId: reasoningId,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: pick("REASONING_MESSAGE_START"),
        messageId: reasoningId,
        role: pick("reasoning"),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: pick("REASONING_MESSAGE_CONTENT"),
        messageId: reasoningId,
        delta,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ type: pick("REASONING_MESSAGE_END"), messageId: reasoningId }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: pick("REASONING_ENCRYPTED_VALUE"),
        subtype: pick("message"),
        entityId: textId,
        encryptedValue: pick("e", "f"),
        encryptedValueType: fc.option(pick("owl.sealed"), { nil: undefined }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: pick("ACTIVITY_SNAPSHOT"),
        messageId: activityId,
        activityType: pick("plan"),
        content: fc.record({ a: fc.nat(5), list: fc.constant([1]) }),
        replace: fc.option(fc.boolean(), { nil: undefined }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: pick("ACTIVITY_DELTA"),
        messageId: activityId,
        activityType: pick("plan"),
        patch: fc.array(
          fc.record({
            op: pick("add", "replace"),
            path: pick("/a", "/list/-", "/none/x"),
            value: fc.nat(9),
          }),
          { minLength: 1, maxLength: 2 },
        ),
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: pick("STATE_SNAPSHOT"), snapshot }) },
    { weight: 3, arbitrary: fc.record({ type: pick("STATE_DELTA"), delta: patch }) },
    { weight: 2, arbitrary: fc.record({ type: pick("MESSAGES_SNAPSHOT"), messages: said }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: pick("STEP_STARTED", "STEP_FINISHED"),
        stepName: pick("s", "t"),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: pick("CUSTOM"), name: pick("n"), value }) },
    { weight: 1, arbitrary: fc.record({ type: pick("RAW"), event: value }) },
    {
      weight: 1,
      arbitrary: pick<Event>(
        { type: "META", metaType: "thumbs_up", payload: {} },
        { type: "SOMETHING_NEW", a: [1] },
      ),
    },
    {
      weight: 1,
      arbitrary: pick<Event>(
        { type: "SUBAGENT_STARTED", subagentRunId: "s", name: "n" },
        { type: "SUBAGENT_FINISHED", subagentRunId: "s" },
      ),
    },
    { weight: 1, arbitrary: pick<Event>({ type: "RUN_ERROR", message: "in the middle" }) },
  );

/** Events with what runners get wrong: values that clients refuse, and that mean nothing else. */
const flawed = (whole: fc.Arbitrary<Event>): fc.Arbitrary<Event> =>
  fc.tuple(whole, fc.nat(19)).map(([made, flaw]): Event => {
    if (flaw === 0) return { ...made, timestamp: 1.5 };
    if (flaw === 1) return { ...made, timestamp: "2026-01-01T00:00:00Z" };
    if (flaw === 2) return { ...made, name: made["name"] ?? null, rawEvent: null, timestamp: null };
    if (flaw === 3) return { ...made, thread_id: "t", extra: { a: null } };
    if (flaw === 4 && made["type"] !== "MESSAGES_SNAPSHOT") return { ...made, subagentRunId: "s" };
    return made;
  });

const runEnd = pick("finished", "finished", "finished", "error", "cut", "twice", "late");

/** One run: what its caller said, its events, how it ends, and what comes after it. */
const run = (anyEvent: fc.Arbitrary<Event>, said: Messages) =>
  fc.record({
    /** The state that the run was posted with. */
    posted: fc.option(state, { nil: undefined, freq: 2 }),
    said: fc.option(said, { nil: undefined }),
    input: fc.option(said, { nil: undefined }),
    events: fc.array(anyEvent, { maxLength: 14 }),
    end: runEnd,
    after: fc.array(anyEvent, { maxLength: 3 }),
    /** Whether the next run's caller spoke while this one went on. */
    isSuperseded: fc.boolean(),
  });

/** The lines of a session's log, as badly as runners can write it. */
export const randomLog: fc.Arbitrary<readonly string[]> = logOf(
  flawed(event(root, copiedMessages)),
  messages,
);

/** The same for clients before 1.0, which never show a state that is no object. */
export const olderLog: fc.Arbitrary<readonly string[]> = logOf(
  flawed(event(state, messages)),
  messages,
).filter((lines) => !lines.some((line) => line.includes('"path":""')));

/** Logs of runs with such events between their ends; `said` is what callers say. */
export function logOf(
  anyEvent: fc.Arbitrary<Event>,
  said: Messages,
): fc.Arbitrary<readonly string[]> {
  return fc
    .tuple(
      fc.array(anyEvent, { maxLength: 2 }),
      fc.array(run(anyEvent, said), { minLength: 1, maxLength: 4 }),
    )
    .map(([before, runs]) => {
      const lines: Event[] = [...before];
      const saidBy = (index: number): Event[] => {
        const ids = { threadId: "s1", runId: `r${index}` };
        const { posted, said: own } = runs[index] ?? {};
        return [
          ...(own ? [{ type: "MESSAGES_SNAPSHOT", ...ids, messages: own }] : []),
          ...(posted ? [runInput(ids, posted)] : []),
        ];
      };
      for (const [index, { input, events, end, after }] of runs.entries()) {
        const ids = { threadId: "s1", runId: `r${index}` };
        const wasSaid = index > 0 && runs[index - 1]?.isSuperseded === true;
        if (!wasSaid) lines.push(...saidBy(index));
        const given = input ? { input: { ...ids, messages: input, state: null } } : {};
        lines.push({ type: "RUN_STARTED", ...ids, ...given });
        const half = Math.floor(events.length / 2);
        lines.push(...events.slice(0, half));
        if (runs[index]?.isSuperseded === true) lines.push(...saidBy(index + 1));
        lines.push(...events.slice(half));
        if (end === "error")
          lines.push({ type: "RUN_ERROR", ...ids, message: "failed", code: "c" });
        else if (end !== "cut") lines.push({ type: "RUN_FINISHED", ...ids, result: null });
        if (end === "twice") lines.push({ type: "RUN_FINISHED", ...ids });
        if (end !== "cut")
          lines.push(
            ...after.map((late) => (end === "late" ? { ...late, runId: ids.runId } : late)),
          );
      }
      return lines.map((line) => JSON.stringify(line));
    });
}

/** What runlog stores of a run that is posted with a state. */
function runInput(ids: Event, posted: unknown): Event {
  return {
    type: "CUSTOM",
    name: "runlog:run-input",
    ...ids,
    timestamp: 1,
    value: { state: posted },
  };
}

/** Whether the runner of a run of the log gives it an id of its own, and at which of its two ends. */
export type OwnIds = "none" | "end" | "both";

/**
 * The log as it would be if the runner of each run, in turn, had its own ids for them; it means the same.
 * A start that has an input stays: messages in that of a runner come later than in that of the run.
 */
export function withOwnIds(lines: readonly string[], owns: readonly OwnIds[]): readonly string[] {
  const given = new Set<unknown>();
  for (const line of lines) {
    const { input, runId } = JSON.parse(line) as Event;
    if (input !== undefined) given.add(runId);
  }
  const ownOf = (runId: unknown): OwnIds => {
    if (typeof runId !== "string") return "none";
    const own = owns[Number(runId.slice(1)) % owns.length] ?? "none";
    return own === "both" && given.has(runId) ? "end" : own;
  };
  return lines.flatMap((line) => {
    const made = JSON.parse(line) as Event;
    const { type, runId } = made;
    const own = ownOf(runId);
    const renamed = JSON.stringify({ ...made, runId: `own-${String(runId)}` });
    // what a caller has posted is not the runner's
    const isPosted = type === "MESSAGES_SNAPSHOT" || made["name"] === "runlog:run-input";
    if (own === "none" || isPosted) return [line];
    if (type === "RUN_FINISHED" || type === "RUN_ERROR") return [renamed];
    if (own === "end") return [line];
    if (type !== "RUN_STARTED") return [renamed];
    const stub = { type, threadId: "s1", runId, runnerRunId: `own-${String(runId)}` };
    return [JSON.stringify(stub), renamed];
  });
}
