import {
  accepted,
  answer,
  type Case,
  event,
  type Event,
  patch,
  run,
  state,
  text,
} from "./stream.ts";

const activity = (members: Record<string, unknown>): Event =>
  event("ACTIVITY_SNAPSHOT", { messageId: "a1", activityType: "hunt", ...members });
const hunt = (content: unknown): Record<string, unknown> => ({
  id: "a1",
  role: "activity",
  activityType: "hunt",
  content,
});

/** State, activities and snapshots of messages. */
export const ACCEPTED_STATE: readonly Case[] = [
  accepted(
    "a patch of a snapshot",
    run(
      state({ nest: { eggs: ["a"], warm: false } }),
      patch(
        { op: "add", path: "/nest/eggs/-", value: "b" },
        { op: "replace", path: "/nest/warm", value: true },
      ),
    ),
    { state: { nest: { eggs: ["a", "b"], warm: true } } },
  ),
  accepted(
    "a patch whose second operation finds nothing",
    run(
      state({ nest: { warm: false } }),
      patch(
        { op: "replace", path: "/nest/warm", value: true },
        { op: "replace", path: "/tree/height", value: 9 },
      ),
    ),
    { state: { nest: { warm: false } } },
  ),
  accepted(
    "a patch with an operation that nobody knows",
    run(
      state({ eggs: 2 }),
      patch({ op: "hatch", path: "/eggs" }, { op: "replace", path: "/eggs", value: 4 }),
    ),
    { state: { eggs: 4 } },
  ),
  accepted(
    "a patch that says more than it has to",
    run(state({ eggs: ["a", "b", "c"] }), patch({ op: "remove", path: "/eggs/1", value: "b" })),
    { state: { eggs: ["a", "c"] } },
    [patch({ op: "remove", path: "/eggs/1", value: "b" })],
  ),
  ...[["alone"], 0, null, false, ""].map((snapshot) =>
    accepted(
      `a snapshot that is ${JSON.stringify(snapshot)}, over another`,
      run(state({ eggs: 2, warm: true }), state(snapshot)),
      { state: snapshot },
    ),
  ),
  ...[["alone"], 5, 0, null, false, ""].map((value) =>
    accepted(
      `a patch that makes ${JSON.stringify(value)} of the state`,
      run(state({ eggs: 2 }), patch({ op: "replace", path: "", value })),
      { state: value },
    ),
  ),
  accepted(
    "an activity and its patch",
    run(
      activity({ content: { mice: 0, at: "night" } }),
      event("ACTIVITY_DELTA", {
        messageId: "a1",
        activityType: "hunt",
        patch: [{ op: "replace", path: "/mice", value: 5 }],
      }),
    ),
    { messages: [hunt({ mice: 5, at: "night" })] },
  ),
  accepted(
    "an activity that is there and not to be replaced",
    run(
      activity({ content: { mice: 1 } }),
      activity({ content: { voles: 2 }, activityType: "rest", replace: false }),
    ),
    { messages: [hunt({ mice: 1 })] },
  ),
  accepted(
    "a patch of an activity that is not there",
    run(
      ...text("m1", "Listening."),
      event("ACTIVITY_DELTA", {
        messageId: "a1",
        activityType: "hunt",
        patch: [{ op: "replace", path: "/mice", value: 5 }],
      }),
    ),
    { messages: [answer("m1", "Listening.")] },
  ),
  accepted(
    "a snapshot that says a message anew",
    run(
      ...text("m1", "perhaps"),
      event("MESSAGES_SNAPSHOT", { messages: [answer("m1", "certainly")] }),
    ),
    { messages: [answer("m1", "certainly")] },
  ),
];

/**
 * The one case in which the profile leaves a client with something else, as PROTOCOL 11.12 says: a
 * snapshot is that of one run, and what it leaves out stays. `held` is what the stream itself leaves.
 */
export const NARROWING_SNAPSHOT: Case & { readonly kept: Case["held"] } = {
  ...accepted(
    "a snapshot that leaves a message out",
    run(
      ...text("m1", "perhaps"),
      ...text("m2", "never mind"),
      event("MESSAGES_SNAPSHOT", { messages: [answer("m1", "certainly")] }),
    ),
    { messages: [answer("m1", "certainly")] },
  ),
  kept: { messages: [answer("m1", "certainly"), answer("m2", "never mind")], state: {} },
};
