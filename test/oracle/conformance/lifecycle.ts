import {
  accepted,
  answer,
  type Case,
  event,
  finished,
  type RefusedCase,
  refused,
  run,
  started,
  state,
  text,
} from "./stream.ts";

const failed = event("RUN_ERROR", { message: "the tunnel collapsed", code: "DARK" });
const interrupt = { id: "i1", reason: "signature", message: "Sign here?" };

/** Begin and end of runs. */
export const ACCEPTED_RUNS: readonly Case[] = [
  accepted(
    "a run without a fault",
    run(
      event("STEP_STARTED", { stepName: "count" }),
      ...text("m1", "Seven ", "lanterns."),
      state({ counted: true }),
      event("STEP_FINISHED", { stepName: "count" }),
    ),
    { messages: [answer("m1", "Seven lanterns.")], state: { counted: true } },
  ),
  accepted(
    "two runs, one after the other",
    [...run(...text("m1", "north")), started("r2"), ...text("m2", "south"), finished("r2")],
    { messages: [answer("m1", "north"), answer("m2", "south")] },
  ),
  accepted("an error before any run", [failed], {}),
  accepted("an error after the end of its run", [...run(...text("m1", "all aboard")), failed], {
    messages: [answer("m1", "all aboard")],
  }),
  accepted(
    "a run after one that failed",
    [started("r1"), failed, started("r2"), ...text("m1", "again"), finished("r2")],
    { messages: [answer("m1", "again")] },
    [failed, event("RUN_STARTED", { runId: "r2" })],
  ),
  accepted(
    "a run that was cancelled",
    [started(), ...text("m1", "half way"), finished("r1", { outcome: { type: "cancelled" } })],
    { messages: [answer("m1", "half way")] },
    [event("RUN_FINISHED", { outcome: { type: "cancelled" } })],
  ),
  accepted(
    "a run that waits for an answer",
    [
      started(),
      ...text("m1", "Shall I?"),
      finished("r1", { outcome: { type: "interrupt", interrupts: [interrupt] } }),
    ],
    { messages: [answer("m1", "Shall I?")] },
    [event("RUN_FINISHED", { outcome: { type: "interrupt", interrupts: [interrupt] } })],
  ),
  accepted(
    "a run that just stops",
    run(...text("m1", "the message is whole, ", "its run is not")).slice(0, -1),
    { messages: [answer("m1", "the message is whole, its run is not")] },
    [event("RUN_ERROR", { code: "runlog-run-cut" })],
  ),
  ...["1.0", "1.9", "someday"].map((protocolVersion) =>
    accepted(
      `a producer that says it speaks ${protocolVersion}`,
      [started("r1", { protocolVersion }), ...text("m1", "good day"), finished()],
      { messages: [answer("m1", "good day")] },
      [event("RUN_STARTED", { protocolVersion })],
    ),
  ),
];

/** Drafts of the standard refuse these, 1.0 does not yet. */
export const ACCEPTED_UNTIL_DRAFT: readonly Case[] = [
  accepted("an end that names another run", [started("r1"), finished("r2")], {}),
  accepted("an end that names another thread", [started(), finished("r1", { threadId: "x" })], {}, [
    finished(),
  ]),
  accepted(
    "a second run of another thread",
    [...run(), started("r2", { threadId: "x" }), finished("r2", { threadId: "x" })],
    {},
  ),
  accepted(
    "two questions of one id",
    [
      started(),
      finished("r1", { outcome: { type: "interrupt", interrupts: [interrupt, interrupt] } }),
    ],
    {},
  ),
];

export const REFUSED_RUNS: readonly RefusedCase[] = [
  refused(
    "a text before any run",
    [event("TEXT_MESSAGE_START", { messageId: "m1", role: "assistant" })],
    "First event must be 'RUN_STARTED'",
    { messages: [answer("m1", "")] },
  ),
  refused(
    "a text after the end of its run",
    [...run(), event("TEXT_MESSAGE_START", { messageId: "m1", role: "assistant" })],
    "already finished",
    { messages: [answer("m1", "")] },
  ),
  refused("a run inside another", [started("r1"), started("r2")], "run is still active", {}, [
    started("r1"),
    event("RUN_ERROR", { code: "runlog-run-cut" }),
    started("r2"),
  ]),
  refused(
    "a text that is open at the end of its run",
    run(...text("m1", "and then").slice(0, -1)),
    "text messages are still active",
    { messages: [answer("m1", "and then")] },
  ),
  refused(
    "a step that ends without having begun",
    [started(), event("STEP_FINISHED", { stepName: "climb" })],
    "was not started",
  ),
];
