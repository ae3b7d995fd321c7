import { appendFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createDiskLogReader } from "../../../adapters/disk/index.ts";
import { exportMarkdown } from "../../../src/core/export/export-markdown.ts";
import { openReadableLog } from "../../../src/core/legacy/scan-marks.ts";
import { createLogId } from "../../../src/ports/log-id.ts";
import { createDataDir, PROJECT } from "../data-dir.ts";
import type { Cost, Spent } from "./cost.ts";
import { spentIn } from "./spent-in.ts";

const KEY = { project: PROJECT, session: "short-runs" };
/** Runs that are written to the log at once. */
const BATCH = 1_000;

/** A session as Markdown: runs of a question, a tool call and an answer, which a snapshot repeats. */
export const markdownOfShortRuns: Cost = {
  name: "export as Markdown",
  of: "runs",
  sizes: [1_000, 10_000, 50_000],
  measure: (size) => exportAll(size, runLines),
};

/** One run whose text comes in deltas of a kilobyte, of which more than can be held is written in parts. */
export const markdownOfLongText: Cost = {
  name: "export as Markdown, one text",
  of: "deltas",
  sizes: [1_000, 4_000, 16_000],
  measure: (size) => exportAll(size, deltaLine),
};

/** Exports a log of what `linesOf` gives, so many times. */
async function exportAll(size: number, linesOf: (i: number) => string): Promise<Spent> {
  const data = await createDataDir();
  try {
    const dir = join(data.dir, "projects", KEY.project, KEY.session, createLogId(Date.now()));
    await mkdir(dir, { recursive: true });
    for (let i = 0; i < size; i += BATCH) {
      const lines = Array.from({ length: Math.min(BATCH, size - i) }, (_, j) => linesOf(i + j));
      await appendFile(join(dir, "raw.jsonl"), lines.join(""));
    }
    return await spentIn(() => writeAll(data.dir));
  } finally {
    await data.remove();
  }
}

function deltaLine(i: number): string {
  const [ids, messageId] = [{ threadId: KEY.session, runId: "run" }, "answer"];
  const delta = `So much for ${i}, and *more* of \`it\`.\n`.repeat(32);
  const events = [{ type: "TEXT_MESSAGE_CONTENT", messageId, delta }];
  const first = [
    { type: "RUN_STARTED", ...ids },
    { type: "TEXT_MESSAGE_START", messageId },
  ];
  return [...(i === 0 ? first : []), ...events]
    .map((event) => `${JSON.stringify(event)}\n`)
    .join("");
}

async function writeAll(dir: string): Promise<Pick<Spent, "bytes">> {
  const reader = createDiskLogReader({ dir });
  const stat = await reader.stat(KEY);
  if (!stat) throw new Error("the log is not there");
  const readable = await openReadableLog(reader, KEY, stat);
  let bytes = 0;
  for await (const text of exportMarkdown(reader, KEY, readable)) bytes += text.length;
  return { bytes };
}

function runLines(i: number): string {
  const ids = { threadId: KEY.session, runId: `run-${i}` };
  const question = { id: `question-${i}`, role: "user", content: `What about ${i}?` };
  const call = { toolCallId: `call-${i}` };
  const result = { ...call, content: `result ${i}` };
  const answer = { id: `answer-${i}`, role: "assistant", content: `So much for ${i}.` };
  const of = { name: "look", arguments: "{}" };
  const asked = { id: `asked-${i}`, role: "assistant" };
  const toolCalls = [{ id: call.toolCallId, type: "function", function: of }];
  return [
    { type: "MESSAGES_SNAPSHOT", ...ids, messages: [question] },
    { type: "RUN_STARTED", ...ids },
    { type: "TOOL_CALL_START", ...call, toolCallName: of.name, parentMessageId: asked.id },
    { type: "TOOL_CALL_ARGS", ...call, delta: of.arguments },
    { type: "TOOL_CALL_END", ...call },
    { type: "TOOL_CALL_RESULT", messageId: `result-${i}`, ...result },
    { type: "TEXT_MESSAGE_START", messageId: answer.id, role: answer.role },
    { type: "TEXT_MESSAGE_CONTENT", messageId: answer.id, delta: answer.content },
    { type: "TEXT_MESSAGE_END", messageId: answer.id },
    {
      type: "MESSAGES_SNAPSHOT",
      messages: [
        question,
        { ...asked, toolCalls },
        { id: `result-${i}`, role: "tool", ...result },
        answer,
      ],
    },
    { type: "RUN_FINISHED", ...ids },
  ]
    .map((event) => `${JSON.stringify(event)}\n`)
    .join("");
}
