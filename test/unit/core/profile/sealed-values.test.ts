import { describe, expect, it } from "vitest";
import type { Dialect } from "../../../../src/core/profile/repair/dialect.ts";
import { compactLines } from "../../../oracle/compact.ts";
import { addressOfStream, CLIENTS } from "../../../support/agui-clients.ts";
import { tellLog, type TellOptions } from "../../../support/told-log.ts";

type Event = Readonly<Record<string, unknown>> & { readonly type: string };
type Message = Readonly<Record<string, unknown>> & { readonly id: string };

const ids = { threadId: "s1", runId: "r" };
const sealed = (entityId: string, members: object, subtype = "message"): Event => ({
  type: "REASONING_ENCRYPTED_VALUE",
  subtype,
  entityId,
  ...members,
});
const thought = (messageId: string): Event[] => [
  { type: "REASONING_MESSAGE_START", messageId, role: "reasoning" },
  { type: "REASONING_MESSAGE_CONTENT", messageId, delta: "hm" },
  { type: "REASONING_MESSAGE_END", messageId },
];
const OWL = { encryptedValue: "b3ds", encryptedValueType: "owl.redacted" };
const RUN: readonly Event[] = [
  { type: "RUN_STARTED", ...ids },
  ...thought("h1"),
  sealed("h1", OWL),
  ...thought("h2"),
  sealed("h2", OWL),
  // the next value says no type: that of the one before would mislabel it
  sealed("h2", { encryptedValue: "eA==" }),
  { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "look", parentMessageId: "m" },
  { type: "TOOL_CALL_ARGS", toolCallId: "c", delta: "{}" },
  { type: "TOOL_CALL_END", toolCallId: "c" },
  sealed("c", OWL, "tool-call"),
  { type: "RUN_FINISHED", ...ids },
];
const call = { id: "c", type: "function", function: { name: "look", arguments: "{}" }, ...OWL };
const HELD = [
  { id: "h1", role: "reasoning", content: "hm", ...OWL },
  { id: "h2", role: "reasoning", content: "hm", encryptedValue: "eA==" },
  { id: "m", role: "assistant", toolCalls: [call] },
];
const DIALECTS: readonly Dialect[] = ["1.0", "0.0"];

const linesOf = (events: readonly Event[]): string[] =>
  events.map((event) => JSON.stringify(event));

async function tell(
  lines: readonly string[],
  options: Partial<TellOptions> & { readonly dialect: Dialect },
): Promise<Event[]> {
  const body = await tellLog(lines, options);
  return [...body.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data) as Event);
}

/** What the last snapshot of messages that was told holds. */
function snapshotIn(told: readonly Event[]): readonly Message[] {
  const snapshots = told.filter(({ type }) => type === "MESSAGES_SNAPSHOT");
  return (snapshots.at(-1)?.["messages"] ?? []) as Message[];
}

describe.each(DIALECTS)("a sealed value and its type, told to clients of %s", (dialect) => {
  it("are told as they are, also of a compacted log", async () => {
    const values = RUN.filter(({ type }) => type === "REASONING_ENCRYPTED_VALUE");
    for (const lines of [linesOf(RUN), compactLines(linesOf(RUN))]) {
      const told = await tell(lines, { dialect });
      expect(told.filter(({ type }) => type === "REASONING_ENCRYPTED_VALUE")).toEqual(values);
    }
  });

  it("are in a snapshot of the session, with the message and the call that have them", async () => {
    const told = await tell(linesOf(RUN), { dialect, snapshot: true });
    expect(snapshotIn(told)).toEqual(HELD);
  });

  it("are told with a call that a snapshot finds open", async () => {
    const open = RUN.filter(({ type }) => type !== "TOOL_CALL_END" && type !== "RUN_FINISHED");
    const told = await tell(linesOf(open), { dialect, snapshot: true });
    // older clients are told the call by events, others by the message that has it
    if (dialect === "0.0") expect(told).toContainEqual(sealed("c", OWL, "tool-call"));
    else expect(snapshotIn(told)).toEqual(HELD);
  });

  it("are what a snapshot of the runner says, and gone where it says none", async () => {
    const told = await tell(
      linesOf([
        ...RUN.slice(0, -1),
        {
          type: "MESSAGES_SNAPSHOT",
          messages: [
            { id: "h1", role: "reasoning", content: "hm" },
            { id: "h2", role: "reasoning", content: "hm", ...OWL },
            { id: "m", role: "assistant", toolCalls: [{ ...call, encryptedValue: undefined }] },
            { id: "a", role: "activity", activityType: "p", content: {}, ...OWL },
          ],
        },
        { type: "RUN_FINISHED", ...ids },
      ]),
      { dialect, snapshot: true },
    );
    const { encryptedValue: _value, encryptedValueType: _type, ...bare } = call;
    expect(snapshotIn(told)).toEqual([
      { id: "h1", role: "reasoning", content: "hm" },
      { id: "h2", role: "reasoning", content: "hm", ...OWL },
      { id: "m", role: "assistant", toolCalls: [bare] },
      { id: "a", role: "activity", activityType: "p", content: {} },
    ]);
  });

  it("lose a type that is no text, and nothing else", async () => {
    const odd = sealed("h1", { encryptedValue: "b3ds", encryptedValueType: 7 });
    const told = await tell(linesOf([...RUN.slice(0, 4), odd, { type: "RUN_FINISHED", ...ids }]), {
      dialect,
    });
    expect(told).toContainEqual(sealed("h1", { encryptedValue: "b3ds" }));
  });

  it.each(CLIENTS.filter(({ version }) => (version === "1.0.0") === (dialect === "1.0")))(
    "are taken by $version, streamed and in a snapshot",
    async (client) => {
      for (const snapshot of [false, true]) {
        const body = await tellLog(linesOf(RUN), { dialect, snapshot });
        const { messages } = await client.follow(addressOfStream(body));
        expect(messages.map(({ id }) => id)).toEqual(["h1", "h2", "m"]);
        expect(messages[0]?.["encryptedValue"]).toBe("b3ds");
      }
    },
  );
});
