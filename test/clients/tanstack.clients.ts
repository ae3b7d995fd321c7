import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SessionClient } from "../contract/session-routes/harness.ts";
import { freshRunner } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { startCuttingProxy } from "./support/cutting-proxy.ts";
import { startRunlog } from "./support/runlog.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const WORDS = Array.from({ length: 200 }, (_, at) => `${at}é😀 `);
/** Once these many words have been shown the connection is cut, in the middle of a frame. */
const CUT_BEFORE: ReadonlySet<number> = new Set([60, 120]);
const CUT_BYTES = 777;

it("TanStack AI shows every character of a runner of chunks, also over two cut connections", async () => {
  const { origin: pages } = await servePage("tanstack.ts");
  const runner = await freshRunner();
  const runlog = await startRunlog({
    runnerUrl: runner.address,
    env: { RUNLOG_CORS_ORIGINS: pages },
  });
  const proxy = await startCuttingProxy(runlog.url);
  const session = new SessionClient({ ...runlog, runner, dispose: async () => {} });

  runner.script(async (exchange) => {
    const { threadId, runId } = JSON.parse(new TextDecoder().decode(exchange.request.body)) as {
      threadId: string;
      runId: string;
    };
    const send = (event: object): Promise<void> =>
      exchange.write(`data: ${JSON.stringify(event)}\n\n`);
    await exchange.answer(200, { "content-type": "text/event-stream" });
    await send({ type: "RUN_STARTED", threadId, runId });
    for (const [at, delta] of WORDS.entries()) {
      // a browser drops what it has not given to the page yet, and without any event TanStack gives up
      if (CUT_BEFORE.has(at)) {
        await waitFor(() => hasShown(page, WORDS[at - 1] ?? ""), {
          what: `word ${at} in the page`,
        });
        proxy.cutAfter(CUT_BYTES);
      }
      await send({
        type: "TEXT_MESSAGE_CHUNK",
        messageId: "a1",
        ...(at === 0 ? { role: "assistant" } : {}),
        delta,
      });
    }
    const call = { type: "TOOL_CALL_CHUNK", toolCallId: "t1" };
    await send({ ...call, toolCallName: "weather", parentMessageId: "a1", delta: '{"city":' });
    await send({ ...call, delta: '"Oslo"}' });
    await send({ type: "TOOL_CALL_RESULT", messageId: "r1", toolCallId: "t1", content: "12 C" });
    await send({ type: "TEXT_MESSAGE_CHUNK", messageId: "a2", role: "assistant", delta: "It is " });
    await send({ type: "TEXT_MESSAGE_CHUNK", messageId: "a2", delta: "12 C" });
    await send({ type: "RUN_FINISHED", threadId, runId });
    await exchange.end();
  });
  const run = `${proxy.origin}${session.path}/agui/run`;
  const { page, failures } = await openPage(browser, `${pages}/?thread=s1&run=${run}`);
  await page.evaluate(() => window.chat.sendMessage("go"));

  expect(await page.evaluate(() => window.chat.getError()?.message ?? null)).toBeNull();
  expect(failures).toEqual([]);
  expect(proxy.cuts).toBe(2);
  expect(await shown(page)).toMatchObject([
    { type: "text", content: WORDS.join("") },
    { type: "tool-call", name: "weather", arguments: '{"city":"Oslo"}', output: "12 C" },
    { type: "tool-result", content: "12 C" },
    { type: "text", content: "It is 12 C" },
  ]);
  expect(runner.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
});

/** Whether the answer has come so far. */
const hasShown = async (page: Page, word: string): Promise<boolean> =>
  JSON.stringify(await shown(page)).includes(word);

/** The parts of the answer as the chat has them. */
const shown = (page: Page): Promise<unknown> =>
  page.evaluate(() =>
    window.chat.getMessages().flatMap(({ role, parts }) => (role === "assistant" ? parts : [])),
  );
