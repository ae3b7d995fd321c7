import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createDataDir, PROJECT, sessionPath } from "../data-dir.ts";
import { startServer } from "../server-process.ts";
import type { Cost, Spent } from "./cost.ts";
import { startInstantRunner } from "./instant-runner.ts";

const SESSION = "transcript";
const POSTS = 5;

/** Clients send their whole transcript with every run: what that costs, and what of it is stored. */
export const transcripts: Cost = {
  name: "transcript posted again, with two messages more",
  of: "messages",
  sizes: [1_000, 10_000, 50_000],
  async measure(size): Promise<Spent> {
    const data = await createDataDir();
    const runner = await startInstantRunner();
    try {
      const server = await startServer({ dataDir: data.dir, runnerPort: runner.port });
      try {
        await post(server.port, "first", size);
        const before = await storedBytes(data.dir);
        const startedAt = performance.now();
        for (let again = 1; again <= POSTS; again += 1)
          await post(server.port, `again-${again}`, size + 2 * again);
        const seconds = (performance.now() - startedAt) / 1_000 / POSTS;
        return { seconds, bytes: ((await storedBytes(data.dir)) - before) / POSTS };
      } finally {
        await server.stop();
      }
    } finally {
      runner.close();
      await data.remove();
    }
  },
};

/** Posts a run with a transcript of `length`; resolves when what is new of it is stored. */
async function post(port: number, runId: string, length: number): Promise<void> {
  const messages = Array.from({ length }, (_, i) => ({
    id: `message-${i}`,
    role: i % 2 === 0 ? "user" : "assistant",
    content: `What was said at place ${i}. `.repeat(6),
  }));
  const response = await fetch(`http://127.0.0.1:${port}${sessionPath(SESSION)}/agui/run`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ runId, messages }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`the run was answered ${response.status}: ${text}`);
}

async function storedBytes(dataDir: string): Promise<number> {
  const session = join(dataDir, "projects", PROJECT, SESSION);
  const [logId = ""] = await readdir(session);
  return (await stat(join(session, logId, "raw.jsonl"))).size;
}
