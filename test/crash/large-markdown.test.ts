import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pipeline } from "node:stream/promises";
import { expect, it } from "vitest";
import { createLogId } from "../../src/ports/log-id.ts";
import { freshDir, runCli, startServer } from "../support/server-process.ts";

const MIB = 1024 * 1024;
const RUNS = 20_000;
/** Less than what any of the logs has in it would take. */
const HEAP = "--max-old-space-size=64";
const CLI = fileURLToPath(new URL("../../src/entry/cli.ts", import.meta.url));
/** Of a delta that is too large for one event. */
const WORD = "so much to be said ";
const LARGE_CHARS = 24 * MIB;

type Event = Readonly<Record<string, unknown>>;

function* manyRuns(): Generator<Event> {
  for (let run = 0; run < RUNS; run++) {
    const ids = { threadId: "many", runId: `r${run}` };
    const question = { id: `u${run}`, role: "user", content: `Question ${run}.` };
    const answer = { id: `a${run}`, role: "assistant", content: `Answer ${run}. `.repeat(30) };
    yield { type: "MESSAGES_SNAPSHOT", ...ids, messages: [question] };
    yield { type: "RUN_STARTED", ...ids };
    yield { type: "TEXT_MESSAGE_CHUNK", messageId: answer.id, delta: answer.content };
    yield { type: "MESSAGES_SNAPSHOT", messages: [question, answer] };
    yield { type: "RUN_FINISHED", ...ids };
  }
}

function* largeEvents(): Generator<Event> {
  const ids = { threadId: "large", runId: "r" };
  const text = WORD.repeat(Math.ceil(LARGE_CHARS / WORD.length));
  yield { type: "RUN_STARTED", ...ids };
  yield { type: "TEXT_MESSAGE_START", messageId: "a", role: "assistant" };
  yield { type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta: text };
  yield { type: "TEXT_MESSAGE_END", messageId: "a" };
  yield { type: "TOOL_CALL_START", toolCallId: "t", toolCallName: "read" };
  yield { type: "TOOL_CALL_END", toolCallId: "t" };
  yield { type: "TOOL_CALL_RESULT", messageId: "x", toolCallId: "t", content: text };
  yield { type: "TEXT_MESSAGE_CHUNK", messageId: "b", delta: "The end." };
  yield { type: "RUN_FINISHED", ...ids };
}

/** A store with a session of each kind. */
async function freshStore(): Promise<{
  readonly dir: string;
  readonly env: Record<string, string>;
}> {
  const dir = await freshDir();
  for (const [session, events] of [
    ["small", [{ type: "RUN_STARTED", threadId: "small", runId: "r" }]],
    ["many", manyRuns()],
    ["large", largeEvents()],
  ] as const) {
    const path = join(dir, "data/projects/p1", session, createLogId(Date.now()), "raw.jsonl");
    await mkdir(dirname(path), { recursive: true });
    await pipeline(function* lines() {
      for (const event of events) yield `${JSON.stringify(event)}\n`;
    }, createWriteStream(path));
  }
  return { dir, env: { STORAGE_URL: `file:${dir}/data` } };
}

function expectManyRuns(markdown: string): void {
  expect(markdown.match(/^Question \d+\.$/gm)).toHaveLength(RUNS);
  const answers = markdown.match(/^Answer \d+\./gm) ?? [];
  expect(answers).toHaveLength(RUNS);
  expect(answers.at(-1)).toBe(`Answer ${RUNS - 1}.`);
}

function expectLargeEvents(markdown: string): void {
  // it is written in parts
  const whole = markdown.replaceAll("\n\n## Assistant (continued)\n\n", "");
  expect(whole.split(WORD)).toHaveLength(Math.ceil(LARGE_CHARS / WORD.length) + 1);
  expect(markdown).toMatch(
    /\n> \*\*An event is too large to be shown:\*\* \d+ bytes \(TOOL_CALL_RESULT\)\n$/,
  );
  expect(markdown).toContain("\nThe end.\n");
}

it("the command line writes logs of any length as Markdown with a small heap", async () => {
  const { dir, env } = await freshStore();
  const command = [process.execPath, HEAP, CLI];
  const args = ["export", "--project", "p1", "--format", "markdown", "-o", `${dir}/out`];
  expect(await runCli({ env, command, args })).toMatchObject({ code: 0, stderr: "" });
  expectManyRuns(await readFile(`${dir}/out/p1/many.md`, "utf8"));
  expectLargeEvents(await readFile(`${dir}/out/p1/large.md`, "utf8"));
});

it("the server's answers in Markdown cost less than 128 MiB at the peak with a small heap", async () => {
  const { env } = await freshStore();
  const command = [process.execPath, HEAP, CLI];
  const server = await startServer({
    command,
    env: { ...env, RUNNER_URL: "http://127.0.0.1:9/" },
  });
  const of = (session: string): string => `/api/projects/p1/agentic-sessions/${session}/export`;
  // what a first export loads and compiles is not what the log costs
  await (await server.fetch(`${of("small")}?format=markdown`)).text();
  const before = await server.rss();
  const many = await server.fetch(`${of("many")}?format=markdown`);
  expectManyRuns(await many.text());
  const headers = { Accept: "text/markdown" };
  const large = await server.fetch(of("large"), { headers });
  expectLargeEvents(await large.text());
  for (const response of [many, large])
    expect(response.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
  const peak = await server.peakRss();
  const text = [before, peak, peak - before].map((bytes) => `${Math.ceil(bytes / MIB)} MiB`);
  console.info(`large-markdown.test.ts: resident ${text[0]}, at the peak ${text[1]}: +${text[2]}`);
  expect(peak - before).toBeLessThan(128 * MIB);
});
