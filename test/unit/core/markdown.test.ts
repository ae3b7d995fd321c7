import { expect, it } from "vitest";
import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import { exportMarkdown } from "../../../src/core/export-markdown.ts";
import { utf8 } from "../../contract/bytes.ts";

const KEY = { project: "demo", session: "hello" };

async function markdownOf(events: readonly (object | string)[]): Promise<string> {
  const store = createMemoryLogStore();
  const { logId } = await store.create(KEY);
  const lines = events.map((event) => (typeof event === "string" ? event : JSON.stringify(event)));
  await store.append(KEY, utf8(lines.map((line) => `${line}\n`).join("")), {
    logId,
    expectedEnd: 0,
  });
  let text = "";
  const stat = await store.stat(KEY);
  const shown = stat && { stat, from: 0, skippedLines: null };
  for await (const piece of exportMarkdown(store, KEY, shown)) text += piece;
  return text;
}

it("is what was said, each message once, without what is hidden", async () => {
  const user = { id: "m1", role: "user", content: "Fix it" };
  const parts = { id: "m2", role: "user", content: [{ type: "text", text: "and this" }, {}] };
  const hidden = { id: "m3", role: "user", content: "secret", metadata: { hidden: true } };
  const text = await markdownOf([
    { type: "MESSAGES_SNAPSHOT", messages: [user, parts, hidden] },
    { type: "RUN_STARTED" },
    { type: "TEXT_MESSAGE_START", messageId: "a1", role: "assistant" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "a1", delta: "Look" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "a1", delta: "ing." },
    { type: "TEXT_MESSAGE_END", messageId: "a1" },
    "no JSON",
    {
      type: "MESSAGES_SNAPSHOT",
      messages: [user, { id: "a1", role: "assistant", content: "Looking." }],
    },
    { type: "RUN_ERROR", message: "gave up" },
    { type: "TEXT_MESSAGE_START", messageId: "a2" },
    { type: "TEXT_MESSAGE_CONTENT", messageId: "a2", delta: "cut of" },
  ]);
  expect(text).toBe(
    "# demo/hello\n\n## User\n\nFix it\n\n## User\n\nand this\n\n## Assistant\n\nLooking.\n\n> **Run failed:** gave up\n\n## Assistant\n\ncut of\n",
  );
});

it("shows a tool's call and result in fences that their text cannot end", async () => {
  const text = await markdownOf([
    { type: "TOOL_CALL_START", toolCallId: "t1", toolCallName: "Bash" },
    { type: "TOOL_CALL_ARGS", toolCallId: "t1", delta: '{"command":' },
    { type: "TOOL_CALL_ARGS", toolCallId: "t1", delta: '"ls"}' },
    { type: "TOOL_CALL_END", toolCallId: "t1" },
    { type: "TOOL_CALL_RESULT", toolCallId: "t1", content: "```\na\n```" },
    { type: "TOOL_CALL_RESULT", toolCallId: "t2", content: "x".repeat(3000) },
  ]);
  expect(text).toContain('\n**Tool** `Bash`\n\n```json\n{"command":"ls"}\n```\n');
  expect(text).toContain("\n**Result**\n\n````\n```\na\n```\n````\n");
  expect(text).toContain(`\n\`\`\`\n${"x".repeat(2000)}\n[…]\n\`\`\`\n`);
});

it("notes a line that is too long to be read whole", async () => {
  const text = await markdownOf([
    { type: "CUSTOM", value: "y".repeat(9 * 1024 * 1024) },
    { type: "MESSAGES_SNAPSHOT", messages: [{ id: "m", role: "user", content: "behind" }] },
  ]);
  expect(text).toContain("\n> An event is too large to be shown here.\n\n## User\n\nbehind\n");
});
