import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CACHE_DIR } from "./generate-log.ts";
import { createDataDir } from "./data-dir.ts";
import { timeGet } from "./reading.ts";
import { atMost, median, type Row } from "./row.ts";
import { startServer } from "./server-process.ts";

const LIMIT_MS = 20;
const ROUNDS = 21;
const PAGE = 100;
const RUNS = 10_000;
const MEGABYTE = 1_000_000;

/** The runs of a session with many short ones: the first answer, which lists them, then a page and all of them. */
export async function measureRuns(): Promise<Row[]> {
  const data = await createDataDir([await shortRuns()]);
  try {
    const server = await startServer({ dataDir: data.dir });
    try {
      const { port } = server;
      const runs = `${data.sessions[0]?.path}/runs`;
      const path = `${runs}?limit=${RUNS}`;
      const size = `${RUNS.toLocaleString("en")} runs`;
      const firstMs = await timeGet({ port, path });
      const times: number[] = [];
      const pages: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        times.push(await timeGet({ port, path }));
        pages.push(await timeGet({ port, path: `${runs}?limit=${PAGE}` }));
      }
      return [
        { measurement: "runs, first time", size, value: firstMs, unit: "ms" },
        atMost(LIMIT_MS, { measurement: "runs, a page", size, value: median(pages), unit: "ms" }),
        { measurement: "runs, all in one page", size, value: median(times), unit: "ms" },
      ];
    } finally {
      await server.stop();
    }
  } finally {
    await data.remove();
  }
}

async function shortRuns() {
  const path = join(CACHE_DIR, `short-runs-${RUNS}.jsonl`);
  const lines: string[] = [];
  for (let index = 0; index < RUNS; index += 1) {
    const ids = { threadId: "t", runId: crypto.randomUUID() };
    const timestamp = 1_790_000_000_000 + index * 1_000;
    const usage = [{ inputTokens: index, outputTokens: 7 }];
    for (const event of [
      { type: "RUN_STARTED", ...ids, timestamp },
      { type: "TEXT_MESSAGE_CHUNK", messageId: ids.runId, role: "assistant", delta: "Hello" },
      { type: "RUN_FINISHED", ...ids, timestamp: timestamp + 500, usage },
    ])
      lines.push(`${JSON.stringify(event)}\n`);
  }
  const text = lines.join("");
  await writeFile(path, text);
  const megabytes = Math.round(text.length / MEGABYTE);
  return { path, megabytes, bytes: text.length, events: lines.length };
}
