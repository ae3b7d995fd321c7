import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { exportMarkdown } from "../../../../src/core/export/export-markdown.ts";
import { utf8 } from "../../../contract/bytes.ts";

const KEY = { project: "demo", session: "hello" };
const RUN = { threadId: "hello", runId: "r1" };
const STARTED = { type: "RUN_STARTED", ...RUN };
const FINISHED = { type: "RUN_FINISHED", ...RUN };

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
  const readable = stat && { stat, from: 0, skippedLines: null };
  for await (const piece of exportMarkdown(store, KEY, readable)) text += piece;
  return text;
}

/** What one message of a user becomes, without the title of its section. */
async function sectionOf(content: string): Promise<string> {
  const messages = [{ id: "m", role: "user", content }];
  const text = await markdownOf([{ type: "MESSAGES_SNAPSHOT", messages }]);
  const before = "# demo/hello\n\n## User\n\n";
  expect(text.startsWith(before)).toBe(true);
  return text.slice(before.length, -1);
}

function call(id: string, name: string, text: string): object {
  return { id, type: "function", function: { name, arguments: text } };
}

describe("a session as Markdown", () => {
  it("is what was said, each message once, without what is hidden", async () => {
    const user = { id: "m1", role: "user", content: "Fix it" };
    const parts = { id: "m2", role: "user", content: [{ type: "text", text: "and this" }, {}] };
    const hidden = { id: "m3", role: "user", content: "secret", metadata: { hidden: true } };
    const marked = { id: "m4", role: "user", content: "secret too" };
    const text = await markdownOf([
      { type: "RAW", event: { type: "message_metadata", messageId: "m4", hidden: true } },
      { type: "MESSAGES_SNAPSHOT", messages: [user, parts, hidden, marked] },
      STARTED,
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
      { type: "RUN_STARTED", threadId: "hello", runId: "r2" },
      { type: "TEXT_MESSAGE_START", messageId: "a2" },
      { type: "TEXT_MESSAGE_CONTENT", messageId: "a2", delta: "cut of" },
    ]);
    expect(text).toBe(
      "# demo/hello\n\n## User\n\nFix it\n\n## User\n\nand this\n\n## Assistant\n\nLooking.\n\n> **Run failed:** gave up\n" +
        "\n---\n\n## Assistant\n\ncut of\n\n> **The run has not ended.**\n",
    );
  });

  it("has the answer of an agent that sends chunks", async () => {
    const text = await markdownOf([
      STARTED,
      { type: "REASONING_MESSAGE_CHUNK", messageId: "g", delta: "Hm" },
      { type: "REASONING_MESSAGE_CHUNK", delta: "m." },
      { type: "TOOL_CALL_CHUNK", toolCallId: "t", toolCallName: "Bash", delta: '{"command":' },
      { type: "TOOL_CALL_CHUNK", delta: '"ls"}' },
      { type: "TEXT_MESSAGE_CHUNK", messageId: "a", role: "assistant", delta: "All " },
      { type: "TEXT_MESSAGE_CHUNK", delta: "done" },
      FINISHED,
    ]);
    expect(text).toBe(
      "# demo/hello\n\n## Assistant\n\n<details>\n<summary>Reasoning</summary>\n\nHmm.\n\n</details>\n\n" +
        '<details>\n<summary>Tool: <code>Bash</code></summary>\n\n```json\n{"command":"ls"}\n```\n\n</details>\n\n' +
        "## Assistant\n\nAll done\n",
    );
  });

  it("has a tool's result once, however often and under whatever id it comes", async () => {
    const result = { toolCallId: "t1", content: "```\na\n```" };
    const messages = [
      { id: "p", role: "assistant", toolCalls: [call("t1", "Bash", '{"command":"ls"}')] },
      { id: "kept", role: "tool", ...result },
    ];
    const text = await markdownOf([
      STARTED,
      { type: "TOOL_CALL_START", toolCallId: "t1", toolCallName: "Bash", parentMessageId: "p" },
      { type: "TOOL_CALL_ARGS", toolCallId: "t1", delta: '{"command":' },
      { type: "TOOL_CALL_ARGS", toolCallId: "t1", delta: '"ls"}' },
      { type: "TOOL_CALL_END", toolCallId: "t1" },
      { type: "TOOL_CALL_RESULT", messageId: "streamed", ...result },
      { type: "MESSAGES_SNAPSHOT", messages },
      FINISHED,
      { type: "RUN_STARTED", threadId: "hello", runId: "r2" },
      { type: "MESSAGES_SNAPSHOT", messages },
      { type: "RUN_FINISHED", threadId: "hello", runId: "r2" },
    ]);
    expect(text).toBe(
      '# demo/hello\n\n## Assistant\n\n<details>\n<summary>Tool: <code>Bash</code></summary>\n\n```json\n{"command":"ls"}\n```\n\n' +
        "**Result**\n\n````\n```\na\n```\n````\n\n</details>\n",
    );
  });

  it("has calls that only a snapshot knows, and a result that comes in a later run", async () => {
    const asked = { id: "p", role: "assistant", toolCalls: [call("t", "ask", "{}")] };
    const answer = { id: "x", role: "tool", toolCallId: "t", content: "yes", error: "or <no>" };
    const text = await markdownOf([
      STARTED,
      { type: "MESSAGES_SNAPSHOT", messages: [asked] },
      FINISHED,
      { type: "MESSAGES_SNAPSHOT", ...RUN, runId: "r2", messages: [asked, answer] },
      { type: "RUN_STARTED", threadId: "hello", runId: "r2" },
    ]);
    expect(text).toBe(
      "# demo/hello\n\n## Assistant\n\n<details>\n<summary>Tool: <code>ask</code></summary>\n\n```json\n{}\n```\n\n</details>\n" +
        "\n---\n\n## Assistant\n\n<details>\n<summary>Tool result: <code>ask</code></summary>\n\n**Result**\n\n```\nyes\n```\n\n" +
        "**Error**\n\n```\nor <no>\n```\n\n</details>\n\n> **The run has not ended.**\n",
    );
  });

  it("has what a run corrects as it is at the run's end, and what a later run changes again", async () => {
    const said = (messageId: string, delta: string): object[] => [
      { type: "TEXT_MESSAGE_START", messageId },
      { type: "TEXT_MESSAGE_CONTENT", messageId, delta },
      { type: "TEXT_MESSAGE_END", messageId },
    ];
    const corrected = (content: string): object => ({
      type: "MESSAGES_SNAPSHOT",
      messages: [{ id: "a", role: "assistant", content }],
    });
    const text = await markdownOf([
      STARTED,
      ...said("a", "frist"),
      corrected("first"),
      FINISHED,
      { type: "RUN_STARTED", threadId: "hello", runId: "r2" },
      ...said("b", "second"),
      corrected("First!"),
      { type: "RUN_FINISHED", threadId: "hello", runId: "r2" },
    ]);
    expect(text).toBe(
      "# demo/hello\n\n## Assistant\n\nfirst\n\n---\n\n## Assistant (changed)\n\nFirst!\n\n## Assistant\n\nsecond\n",
    );
  });

  it("says what was attached, what is waited for, and which run failed how", async () => {
    const content = [
      { type: "text", text: "See" },
      { type: "image", source: { type: "data", value: "QUJD", mimeType: "image/png" } },
      { type: "binary", mimeType: "application/pdf", url: "https://a.test/`b", filename: "b.pdf" },
    ];
    const interrupt = { id: "i", reason: "tool_call", message: "Really\n# delete?" };
    const text = await markdownOf([
      { type: "MESSAGES_SNAPSHOT", messages: [{ id: "m", role: "user", content }] },
      STARTED,
      { type: "RUN_ERROR", message: "a hiccup" },
      { type: "ACTIVITY_SNAPSHOT", messageId: "v", activityType: "<plan>", content: { a: 1 } },
      { ...FINISHED, outcome: { type: "interrupt", interrupts: [interrupt] } },
    ]);
    expect(text).toBe(
      "# demo/hello\n\n## User\n\nSee\n\n*Attachment:* image `image/png` (3 bytes)\n\n" +
        "*Attachment:* document `application/pdf` `b.pdf` ``https://a.test/`b``\n\n" +
        '## Assistant\n\n<details>\n<summary>Activity: <code>&lt;plan&gt;</code></summary>\n\n```json\n{\n  "a": 1\n}\n```\n\n</details>\n\n' +
        "> **Error:** a hiccup\n\n> **Waiting for an answer:** Really # delete?\n",
    );
  });

  it("writes a run that is more than can be held in parts, and all of it", async () => {
    const words = Array.from({ length: 12 }, (_, i) => `${i} `.repeat(200_000 + i));
    const result = (id: number): object => ({
      type: "TOOL_CALL_RESULT",
      messageId: `x${id}`,
      toolCallId: `t${id}`,
      content: `result ${id}`,
    });
    const text = await markdownOf([
      STARTED,
      { type: "TEXT_MESSAGE_START", messageId: "a" },
      ...words.flatMap((delta, i) => [
        { type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta },
        { type: "TOOL_CALL_START", toolCallId: `t${i}`, toolCallName: `f${i}` },
        { type: "TOOL_CALL_END", toolCallId: `t${i}` },
        result(i),
      ]),
      { type: "TEXT_MESSAGE_END", messageId: "a" },
      FINISHED,
    ]);
    const parts = text.split(/\n## Assistant(?: \(continued\))?\n\n/).slice(1);
    const said = parts.map((part) => part.split("\n")[0]).filter((line) => line !== "<details>");
    expect(said.length).toBeGreaterThan(1);
    expect(said.join("") === words.join("")).toBe(true);
    for (const i of words.keys()) {
      expect(text.split(`<code>f${i}</code>`)).toHaveLength(2);
      expect(text.split(`\nresult ${i}\n`)).toHaveLength(2);
    }
  });

  it("has each of several messages of one id", async () => {
    const id = "m";
    const copies = [
      { id, role: "reasoning", content: "Hm." },
      { id, role: "assistant", content: "One" },
      { id, role: "assistant", content: "Two" },
    ];
    const text = await markdownOf([
      STARTED,
      { type: "MESSAGES_SNAPSHOT", messages: copies },
      { type: "REASONING_MESSAGE_CONTENT", messageId: id, delta: " Well." },
      FINISHED,
      { type: "RUN_STARTED", threadId: "hello", runId: "r2" },
      { type: "MESSAGES_SNAPSHOT", messages: [copies[2], { ...copies[2], content: "Three" }] },
      { type: "RUN_FINISHED", threadId: "hello", runId: "r2" },
    ]);
    expect(text).toBe(
      "# demo/hello\n\n## Assistant\n\n<details>\n<summary>Reasoning</summary>\n\nHm. Well.\n\n</details>\n\n" +
        "## Assistant\n\nOne\n\n## Assistant\n\nTwo\n\n---\n\n## Assistant (changed)\n\nThree\n",
    );
  });

  it("has what changes and stays as long as it was", async () => {
    const activity = { messageId: "v", activityType: "plan" };
    const patch = [{ op: "replace", path: "/a", value: 2 }];
    const text = await markdownOf([
      STARTED,
      { type: "ACTIVITY_SNAPSHOT", ...activity, content: { a: 1 } },
      { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f" },
      { type: "TOOL_CALL_END", toolCallId: "t" },
      FINISHED,
      { type: "RUN_STARTED", threadId: "hello", runId: "r2" },
      { type: "ACTIVITY_DELTA", ...activity, patch },
      { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "g" },
      { type: "RUN_FINISHED", threadId: "hello", runId: "r2" },
    ]);
    expect(text.split("\n---\n")[1]).toBe(
      '\n## Assistant\n\n<details>\n<summary>Activity (changed): <code>plan</code></summary>\n\n```json\n{\n  "a": 2\n}\n```\n\n</details>\n\n' +
        "<details>\n<summary>Tool (changed): <code>g</code></summary>\n\n</details>\n",
    );
  });

  it("goes on after a patch that would make more than there is room for", async () => {
    const doubling = Array.from({ length: 30 }, (_, i) => ({
      op: "copy",
      from: "",
      path: `/${i}`,
    }));
    const activity = { messageId: "v", activityType: "plan" };
    const text = await markdownOf([
      { type: "MESSAGES_SNAPSHOT", messages: [{ id: "u", role: "user", content: "Go" }] },
      STARTED,
      { type: "TEXT_MESSAGE_START", messageId: "a" },
      { type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta: "Before" },
      { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "f", parentMessageId: "p" },
      { type: "TOOL_CALL_ARGS", toolCallId: "t", delta: '{"a":' },
      { type: "ACTIVITY_SNAPSHOT", ...activity, content: { a: 1 } },
      { type: "ACTIVITY_DELTA", ...activity, patch: doubling },
      { type: "ACTIVITY_DELTA", ...activity, patch: [{ op: "add", path: "/b", value: 2 }] },
      { type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta: "after" },
      { type: "TOOL_CALL_ARGS", toolCallId: "t", delta: "1}" },
      { type: "TOOL_CALL_RESULT", messageId: "x", toolCallId: "t", content: "done" },
      FINISHED,
    ]);
    const details = (summary: string, content: string): string =>
      `<details>\n<summary>${summary}</summary>\n\n${content}\n\n</details>\n\n`;
    expect(text).toBe(
      "# demo/hello\n\n## User\n\nGo\n\n## Assistant\n\nBefore\n\n" +
        details("Tool: <code>f</code>", '```json\n{"a":\n```') +
        details("Activity: <code>plan</code>", '```json\n{\n  "a": 1\n}\n```') +
        "> **An event cannot be shown.**\n\n## Assistant (continued)\n\nafter\n\n" +
        details(
          "Tool (continued): <code>f</code>",
          "```json\n1}\n```\n\n**Result**\n\n```\ndone\n```",
        ) +
        "> **A change of an earlier message is left out.**\n",
    );
  });

  it("has changes of what changes often, and says that others come too late", async () => {
    const activity = (messageId: string): object => ({ messageId, activityType: messageId });
    const change = (messageId: string, value: number): object => ({
      type: "ACTIVITY_DELTA",
      ...activity(messageId),
      patch: [{ op: "replace", path: "/at", value }],
    });
    const runs = Array.from({ length: 200 }, (_, i) => [
      { type: "RUN_STARTED", threadId: "hello", runId: `r${i}` },
      ...(i === 0
        ? ["often", "seldom"].map((id) => ({
            type: "ACTIVITY_SNAPSHOT",
            ...activity(id),
            content: { at: 0 },
          }))
        : [change("often", i)]),
      ...["a", "b"].flatMap((id) => [
        { type: "TEXT_MESSAGE_START", messageId: `${id}${i}` },
        { type: "TEXT_MESSAGE_CONTENT", messageId: `${id}${i}`, delta: `${id} ${i}` },
        { type: "TEXT_MESSAGE_END", messageId: `${id}${i}` },
      ]),
      { type: "RUN_FINISHED", threadId: "hello", runId: `r${i}` },
    ]);
    const last = runs[199] ?? [];
    last.splice(-1, 0, change("seldom", 199));
    const parts = (await markdownOf(runs.flat())).split("\n---\n");
    expect(parts[199]).toContain('"at": 199');
    expect(parts[199]).toContain("> **A change of an earlier message is left out.**");
  });

  it("notes an event that is too large to be read whole", async () => {
    const text = await markdownOf([
      STARTED,
      { type: "CUSTOM", name: "n", value: "y".repeat(11 * 1024 * 1024) },
      { type: "MESSAGES_SNAPSHOT", messages: [{ id: "m", role: "user", content: "after" }] },
      FINISHED,
    ]);
    expect(text).toBe(
      "# demo/hello\n\n## User\n\nafter\n\n> **An event is too large to be shown:** 11534375 bytes (CUSTOM)\n",
    );
  });
});

describe("the text of a message in Markdown", () => {
  it.each([
    ["# a", "\\# a"],
    ["> - 1. ## a\n#b\n####### c", "> - 1. \\## a\n#b\n####### c"],
    ["a\n===\nb\n---", "a\n\\===\nb\n\\---"],
    ["> a\n> --", "> a\n> \\--"],
    ["a\r## b\r\n# c", "a\n\\## b\n\\# c"],
    ["***\n| a |\n| --- |", "***\n| a |\n| --- |"],
  ])("begins no heading and no thematic break: %j", async (text, expected) => {
    expect(await sectionOf(text)).toBe(expected);
  });

  it.each([
    ["</details> <!-- <b> 1 < 2 <?x", "\\</details> \\<!-- \\<b> 1 < 2 \\<?x"],
    ["\\<b> \\\\<b>", "\\<b> \\\\\\<b>"],
    ["`<b>` ``a ` <i>`` <u>", "`<b>` ``a ` <i>`` \\<u>"],
    ["a ` b\n` <b> `\n\n`<i>`", "a ` b\n` \\<b> `\n\n`<i>`"],
    ["\\` <b> `", "\\` \\<b> `"],
    ["| ` | <b> | ` |", "| ` | \\<b> | ` |"],
  ])("holds no HTML but in code: %j", async (text, expected) => {
    expect(await sectionOf(text)).toBe(expected);
  });

  it.each([
    ["```html\n# a <b>\n```\n# c", "```html\n# a <b>\n```\n\\# c"],
    ["```\na", "```\na\n```"],
    ["~~~~\n~~~\n```\n# a", "~~~~\n~~~\n```\n# a\n~~~~"],
    ["``` a`\n# b", "``` a`\n\\# b"],
    ["- a\n  ```\n<b>", "- a\n  ```\n\\<b>"],
    ["> ```\n<b>\n```\n<i>", "> ```\n\\<b>\n```\n<i>\n```"],
  ])("ends every fence that it begins, and no other: %j", async (text, expected) => {
    expect(await sectionOf(text)).toBe(expected);
  });
});
