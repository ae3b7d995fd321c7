import { describe, expect, it } from "vitest";
import { addressOfStream, CLIENTS } from "../../../support/agui-clients.ts";
import { tellLog } from "../../../support/told-log.ts";

type Event = Readonly<Record<string, unknown>>;

const run = (at: number, ...events: readonly Event[]): Event[] => [
  { type: "RUN_STARTED", threadId: "s1", runId: `r${at}` },
  ...events,
  { type: "RUN_FINISHED", threadId: "s1", runId: `r${at}` },
];
const text = (messageId: string, delta: string): Event[] => [
  { type: "TEXT_MESSAGE_START", messageId, role: "assistant" },
  { type: "TEXT_MESSAGE_CONTENT", messageId, delta },
  { type: "TEXT_MESSAGE_END", messageId },
];
const each = (count: number, events: (at: number) => Event[]): Event[] =>
  Array.from({ length: count }, (_, at) => events(at)).flat();
const linesOf = (events: readonly Event[]): string[] =>
  events.map((event) => JSON.stringify(event));

/** Logs of which each part needs all messages before it, by their number of parts. */
const LOGS: Readonly<Record<string, (count: number) => Event[]>> = {
  "answers get other ids, and make calls then": (count) =>
    each(count, (at) => {
      const kept = { id: `k${at}`, role: "assistant", content: `answer ${at}` };
      const call = { toolCallId: `c${at}`, toolCallName: "f", parentMessageId: kept.id };
      return run(
        at,
        ...text(`m${at}`, kept.content),
        { type: "MESSAGES_SNAPSHOT", messages: [kept] },
        { type: "TOOL_CALL_START", ...call },
        { type: "TOOL_CALL_END", toolCallId: call.toolCallId },
      );
    }),
  "a result becomes a user's message and a result again": (count) => [
    ...run(0, { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "f" }),
    ...run(
      1,
      ...each(count, (at) => {
        const role = at % 2 === 0 ? "user" : "tool";
        const flips = { id: "n", role, content: "x", ...(role === "tool" && { toolCallId: "c" }) };
        return [
          { type: "MESSAGES_SNAPSHOT", messages: [flips] },
          { type: "TOOL_CALL_RESULT", messageId: `t${at}`, toolCallId: "c", content: "714" },
        ];
      }),
    ),
  ],
  "users' messages come with the run's snapshots": (count) =>
    run(
      0,
      ...each(count, (at) => [
        { type: "MESSAGES_SNAPSHOT", messages: [{ id: `u${at}`, role: "user", content: "go on" }] },
        ...text(`m${at}`, `answer ${at}`),
      ]),
    ),
};

const client = CLIENTS.at(-1)!;
const isSnapshot = (frame: string): boolean => frame.includes('"type":"MESSAGES_SNAPSHOT"');

describe.each(Object.entries(LOGS))("where %s", (_, eventsOf) => {
  it.each(["0.0", "1.0"] as const)(
    "a stream of %s takes bytes in proportion to the log's, and ends with all messages",
    async (dialect) => {
      const lines = linesOf(eventsOf(1_200));
      const frames = (await tellLog(lines, { dialect })).split("\n\n");
      const snapshots = frames.filter(isSnapshot);
      const size = (texts: readonly string[]): number => texts.join("\n").length;
      expect(size(snapshots)).toBeLessThan(6 * size(lines));
      expect(size(frames)).toBeLessThan(9 * size(lines));
      expect(snapshots.length).toBeGreaterThan(1);
    },
  );

  it("a client has at each moment when nothing more is stored what the whole history amounts to", async () => {
    const lines = linesOf(eventsOf(150));
    const bursts = [lines.slice(0, 400), lines.slice(400)];
    const whole = await tellLog(lines, { dialect: "1.0", snapshot: true });
    const live = await tellLog([], { dialect: "1.0", bursts });
    const followed = await client.follow(addressOfStream(live));
    expect(followed.messages.length).toBeGreaterThan(100);
    expect(followed).toEqual(await client.follow(addressOfStream(whole)));
    // each burst ends with what the client lacked: one for it, and some as the messages grow
    expect(live.split("\n\n").filter(isSnapshot).length).toBeLessThan(100);
  });
});
