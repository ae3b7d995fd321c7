import * as fc from "fast-check";
import { type Event, logOf, type Messages } from "./random-log.ts";

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const textId = pick("m0", "m1");
const callId = pick("t0", "t1");
const delta = pick("a", "b");
const tag = pick<Event>({}, {}, {}, { subagentRunId: "s" }, { subagentRunId: "s2" });

const toolCall = callId.map((id) => ({
  id,
  type: "function",
  function: { name: "f", arguments: "{}" },
}));

/** A message in a snapshot. */
const message = fc.oneof(
  { weight: 4, arbitrary: fc.record({ id: textId, role: pick("assistant"), content: delta }) },
  { weight: 2, arbitrary: fc.record({ id: pick("u0", "u1"), role: pick("user"), content: delta }) },
  {
    weight: 2,
    arbitrary: fc.record({
      id: pick("m0", "p0"),
      role: pick("assistant"),
      toolCalls: fc.array(toolCall, { minLength: 1, maxLength: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      id: pick("x0", "x1"),
      role: pick("tool"),
      toolCallId: callId,
      content: delta,
    }),
  },
);

const ofAnyRole = fc.oneof(
  { weight: 4, arbitrary: message },
  {
    weight: 1,
    arbitrary: fc.record({
      id: pick("g0", "m0"),
      role: pick("reasoning", "assistant"),
      content: delta,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      id: pick("a0", "m1", "g0"),
      role: pick("activity"),
      activityType: pick("plan"),
      content: fc.record({ a: fc.nat(2) }),
    }),
  },
);

const said: Messages = fc.uniqueArray(message, { selector: ({ id }) => id, maxLength: 3 });
/** What a run's own snapshot has, which may have an id twice. */
const held: Messages = fc.oneof(
  { weight: 2, arbitrary: said },
  { weight: 1, arbitrary: fc.array(ofAnyRole, { maxLength: 4 }) },
);

const event = (snapshot: Messages, withTags: boolean): fc.Arbitrary<Event> => {
  const told = fc.oneof(
    fc.record({
      type: pick("TEXT_MESSAGE_START"),
      messageId: textId,
      role: pick("assistant", "user"),
    }),
    fc.record({ type: pick("TEXT_MESSAGE_CONTENT"), messageId: textId, delta }),
    fc.record({
      type: pick("TEXT_MESSAGE_START"),
      messageId: withTags ? pick("x0", "a0", "g0", "t0") : pick("x0", "a0", "g0"),
    }),
    fc.record({ type: pick("TEXT_MESSAGE_END"), messageId: textId }),
    fc.record({ type: pick("TOOL_CALL_END"), toolCallId: callId }),
    fc.record({ type: pick("TEXT_MESSAGE_CHUNK"), messageId: pick("c0"), delta }),
    fc.record({
      type: pick("TOOL_CALL_START"),
      toolCallId: callId,
      toolCallName: pick("f"),
      parentMessageId: fc.option(pick("m0", "p0"), { nil: undefined }),
    }),
    fc.record({ type: pick("TOOL_CALL_ARGS"), toolCallId: callId, delta }),
    fc.record({
      type: pick("TOOL_CALL_RESULT"),
      messageId: pick("x0", "x1"),
      toolCallId: callId,
      content: delta,
    }),
    fc.record({
      type: pick("REASONING_MESSAGE_START"),
      messageId: pick("g0"),
      role: pick("reasoning"),
    }),
    fc.record({ type: pick("REASONING_MESSAGE_CONTENT"), messageId: pick("g0"), delta }),
    fc.record({
      type: pick("ACTIVITY_SNAPSHOT"),
      messageId: pick("a0"),
      activityType: pick("plan"),
      content: fc.record({ a: fc.nat(2) }),
    }),
  );
  return fc.oneof(
    {
      weight: 3,
      arbitrary: withTags ? fc.tuple(told, tag).map(([made, own]) => ({ ...made, ...own })) : told,
    },
    {
      weight: 2,
      arbitrary: snapshot.map((messages) => ({ type: "MESSAGES_SNAPSHOT", messages })),
    },
  );
};

/**
 * Logs of few ids, in which snapshots take messages away, bring them back and have them twice, while
 * subagents say the same.
 */
export const crowdedLog: fc.Arbitrary<readonly string[]> = logOf(event(held, true), said);

/** The same for clients before 1.0: messages of one id, and subagents, are left out. */
export const olderCrowdedLog: fc.Arbitrary<readonly string[]> = logOf(event(said, false), said);
