import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { finishedEvent, startedEvent } from "../contract/session-routes/harness.ts";
import { freshDir, freshRunner } from "../support/server-process.ts";
import { startRestartingServer } from "../support/restarting-server.ts";

const ROOT = new URL("../../", import.meta.url);
/** Where the page's server is. */
const ADDRESS = "http://127.0.0.1:8080";
/** What is built of the package, as it is in its sources. */
const SOURCES: Readonly<Record<string, string>> = {
  runlog: "src/entry/embed.ts",
  "runlog/client": "src/client/index.ts",
  "runlog/agent": "src/client/agent.ts",
};

/** The page's code for Node, in its order. */
async function examples(): Promise<string[]> {
  const page = await readFile(new URL("docs/client.md", ROOT), "utf8");
  return [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code = ""]) => code);
}

/** Runs code in a process of its own; resolves with what it prints. */
async function printedBy(code: string, url: string): Promise<string> {
  const file = join(await freshDir(), "example.mjs");
  const imported = (name: string): string => {
    const source = SOURCES[name];
    return source === undefined ? import.meta.resolve(name) : new URL(source, ROOT).href;
  };
  const here = code
    .replaceAll(ADDRESS, url)
    .replaceAll(/ from "(.*)";/g, (_, name: string) => ` from ${JSON.stringify(imported(name))};`);
  await writeFile(file, here);
  const args = ["--disable-warning=ExperimentalWarning", file];
  return (await promisify(execFile)(process.execPath, args)).stdout;
}

it("the page's examples do what they say", async () => {
  const runner = await freshRunner();
  runner.script(async (exchange) => {
    const input = new TextDecoder().decode(exchange.request.body);
    const { runId, messages } = JSON.parse(input) as { runId: string; messages: unknown[] };
    const said = { messageId: `a-${runId}`, role: "assistant", delta: `Answer ${messages.length}` };
    await exchange.answer(200, { "Content-Type": "text/event-stream" });
    for (const event of [
      startedEvent(runId),
      JSON.stringify({ type: "TEXT_MESSAGE_CHUNK", ...said }),
      finishedEvent(runId),
    ])
      await exchange.write(`data: ${event}\n\n`);
    await exchange.end();
  });
  const { url } = await startRestartingServer({ RUNNER_URL: runner.address });
  const [sessions = "", agent = "", own = "", ...more] = await examples();
  expect(more).toEqual([]);

  const printed = await printedBy(sessions, url);
  expect(printed).toMatch(/^\S+-[rc][\d.]+ MESSAGES_SNAPSHOT\n/);
  expect(printed).toContain(" RUN_FINISHED\nAnswer 1\n");
  expect(printed).toMatch(/## Assistant\n\nAnswer 1\n+1\n$/);
  expect(await printedBy(agent, url)).toBe("Answer 3\n4\n");
  expect(await printedBy(own, url)).toBe("Good morning\n");
});
