import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { exportMarkdown } from "../../src/core/export/export-markdown.ts";
import { meaningOf } from "./meaning.ts";
import { randomLog } from "./random-log.ts";

const LOGS = Math.ceil(Number(process.env["ORACLE_LOGS"] ?? 2_000) / 5);
const TIMEOUT_MS = 3_600_000;
const KEY = { project: "p1", session: "s1" };

interface Call {
  readonly function: { readonly name: string; readonly arguments: string };
}

// the client says what it thinks of a log, for each event of it
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

async function markdownOf(lines: readonly string[]): Promise<string> {
  const store = createMemoryLogStore();
  const { logId } = await store.create(KEY);
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  await store.append(KEY, bytes, { logId, expectedEnd: 0 });
  const stat = await store.stat(KEY);
  let text = "";
  const readable = stat && { stat, from: 0, skippedLines: null };
  for await (const piece of exportMarkdown(store, KEY, readable)) text += piece;
  return text;
}

/** The log with texts of which no two are alike, so that each can be found again. */
function withOwnTexts(lines: readonly string[]): string[] {
  let count = 0;
  const own = (text: unknown): string => `${String(text)}(${count++})`.toWellFormed();
  const ownContent = (content: unknown): unknown =>
    typeof content === "object" ? { ...content, own: count++ } : own(content);
  const ownMessage = (message: Record<string, unknown>): Record<string, unknown> => ({
    ...message,
    ...(message["content"] !== undefined && { content: ownContent(message["content"]) }),
    ...(Array.isArray(message["toolCalls"]) && {
      toolCalls: message["toolCalls"].map((call: { function: { arguments: string } }) => ({
        ...call,
        function: { ...call.function, arguments: own(call.function.arguments) },
      })),
    }),
  });
  return lines.map((line) => {
    const event = JSON.parse(line);
    if (typeof event.delta === "string") event.delta = own(event.delta);
    if (event.type === "TOOL_CALL_RESULT" || event.type === "ACTIVITY_SNAPSHOT")
      event.content = ownContent(event.content);
    if (event.type === "MESSAGES_SNAPSHOT") event.messages = event.messages.map(ownMessage);
    if (event.input?.messages) event.input.messages = event.input.messages.map(ownMessage);
    return JSON.stringify(event);
  });
}

/** What stands between the heading, or the fence, and what follows it. */
function textsIn(
  markdown: string,
): Readonly<Record<"said" | "reasoned" | "fenced" | "called", string[]>> {
  const said = markdown.matchAll(
    /\n## \w+(?: \((?:changed|continued)\))?\n\n(?!<details>)(.*?)\n(?=\n(?:## |---\n|> \*\*|<details>\n)|$)/gs,
  );
  const reasoned = markdown.matchAll(
    /\n<summary>Reasoning[^<]*<\/summary>\n\n(.*?)\n\n<\/details>\n/gs,
  );
  const called = markdown.matchAll(
    /\n<summary>Tool[^:]*: <code>(\w+)<\/code><\/summary>\n\n(`{3,})json\n(.*?)\n\2\n/gs,
  );
  const fenced = markdown.matchAll(/\n(`{3,})\w*\n(.*?)\n\1\n/gs);
  return {
    said: [...said].map(([, text = ""]) => text),
    reasoned: [...reasoned].map(([, text = ""]) => text),
    called: [...called].map(([, name = "", , text = ""]) => `${name} ${text}`),
    fenced: [...fenced].map(([, , text = ""]) => text),
  };
}

function timesIn(texts: readonly string[], text: string): number {
  return texts.filter((other) => other === text).length;
}

describe("the Markdown of random logs", () => {
  it(
    "has each message that a client ends with once, as it is then",
    async () => {
      await fc.assert(
        fc.asyncProperty(randomLog, async (log) => {
          const lines = withOwnTexts(log);
          const { messages } = await meaningOf(lines);
          const { said, reasoned, fenced, called } = textsIn(await markdownOf(lines));
          for (const { role, content, toolCalls = [] } of messages) {
            for (const { function: of } of toolCalls as Call[])
              if (of.arguments !== "")
                expect(timesIn(called, `${of.name} ${of.arguments}`)).toBe(1);
            if (role === "activity")
              expect(timesIn(fenced, JSON.stringify(content, null, 2))).toBe(1);
            if (typeof content !== "string" || content === "") continue;
            const places = role === "reasoning" ? reasoned : role === "tool" ? fenced : said;
            expect(timesIn(places, content)).toBe(1);
          }
        }),
        { numRuns: LOGS },
      );
    },
    TIMEOUT_MS,
  );
});
