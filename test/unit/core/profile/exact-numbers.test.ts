import { expect, it } from "vitest";
import { tellLog, type TellOptions } from "../../../support/told-log.ts";

const NUMBERS = "[2512292042121000001,1e400,-0,1.10,1E5,7]";
const started = '{"type":"RUN_STARTED","threadId":"s1","runId":"r"}';
const finished = '{"type":"RUN_FINISHED","threadId":"s1","runId":"r"}';

async function told(lines: readonly string[], options: Partial<TellOptions> = {}): Promise<string> {
  return tellLog([started, ...lines, finished], { dialect: "1.0", ...options });
}

it.each([
  ["metadata of a message", `{"id":"m","role":"assistant","metadata":{"n":${NUMBERS}}}`],
  [
    "metadata of a tool call",
    `{"id":"m","role":"assistant","toolCalls":[{"id":"c","type":"function","function":{"name":"f","arguments":""},"metadata":{"n":${NUMBERS}}}]}`,
  ],
  ["an activity", `{"id":"m","role":"activity","activityType":"T","content":{"n":${NUMBERS}}}`],
])("keeps the numbers of %s that a snapshot has, however it is sent", async (_, message) => {
  const snapshot = `{"type":"MESSAGES_SNAPSHOT","messages":[${message}]}`;
  const next = [snapshot, finished, started.replace('"r"', '"q"')];
  expect(await told([snapshot])).toContain(NUMBERS);
  expect(await told([snapshot], { snapshot: true })).toContain(NUMBERS);
  expect(await told(next)).toContain(NUMBERS);
});

it("keeps the numbers of streamed metadata and activities in a snapshot", async () => {
  const lines = [
    `{"type":"TEXT_MESSAGE_START","messageId":"m","metadata":{"n":1.0}}`,
    `{"type":"TEXT_MESSAGE_END","messageId":"m","metadata":{"n":${NUMBERS}}}`,
    `{"type":"ACTIVITY_SNAPSHOT","messageId":"a","activityType":"T","content":{"a":${NUMBERS}}}`,
  ];
  const body = await told(lines, { snapshot: true });
  expect(body).toContain(`"metadata":{"n":${NUMBERS}}`);
  expect(body).toContain(`"content":{"a":${NUMBERS}}`);
});

it("keeps the numbers of a run's input", async () => {
  const said =
    '{"type":"MESSAGES_SNAPSHOT","runId":"r","messages":[{"id":"u","role":"user","content":"a"}]}';
  const input = `"input":{"threadId":"s1","runId":"r","messages":[],"state":{"n":${NUMBERS}},"tools":[],"context":[]}`;
  const body = await tellLog([said, started.replace("}", `,${input}}`), finished], {
    dialect: "1.0",
  });
  expect(body).toContain('"content":"a"');
  expect(body).toContain(`"state":{"n":${NUMBERS}}`);
});

it("keeps the numbers of an event that is repaired", async () => {
  const patch = `[{"op":"inc","path":"/n"},{"op":"add","path":"/n","value":${NUMBERS}}]`;
  const outcome = `{"type":"interrupt","interrupts":[{"id":"i","reason":"x","message":1,"metadata":{"n":${NUMBERS}}}]}`;
  const body = await tellLog(
    [
      started,
      `{"type":"STATE_DELTA","delta":${patch}}`,
      `{"type":"TOOL_CALL_RESULT","messageId":"t","toolCallId":"c","content":[{"type":"text","text":"a","metadata":${NUMBERS}},1]}`,
      finished.replace("}", `,"outcome":${outcome}}`),
    ],
    { dialect: "1.0" },
  );
  expect(body).toContain(`[{"op":"add","path":"/n","value":${NUMBERS}}]`);
  expect(body).toContain(`"metadata":${NUMBERS}}]`);
  expect(body).toContain(`"metadata":{"n":${NUMBERS}}`);
  expect(body).not.toContain('"inc"');
});

it("takes no number that keeps its text for an object", async () => {
  const body = await told([
    '{"type":"ACTIVITY_SNAPSHOT","messageId":"a","activityType":"T","content":1.10}',
    '{"type":"MESSAGES_SNAPSHOT","messages":[{"id":"m","role":"assistant","content":"x","metadata":1.10}]}',
  ]);
  expect(body).toContain('"type":"RAW"');
  expect(body).not.toContain('"metadata"');
});
