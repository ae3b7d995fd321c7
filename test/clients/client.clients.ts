import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startResumableRunner } from "../support/resumable-runner.ts";
import { waitFor } from "../support/wait-for.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { startCuttingProxy } from "./support/cutting-proxy.ts";
import { startRunlog } from "./support/runlog.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const RUN = { threadId: "s1", runId: "r" };
const WORDS = Array.from({ length: 200 }, (_, at) => `${at}é😀 `);
/** Once so many words are in the page this happens. */
const CUTS: ReadonlySet<number> = new Set([30, 90, 170]);
const RESTARTS: ReadonlySet<number> = new Set([60, 150]);
const RELOAD = 120;
const CUT_BYTES = 777;

/** The text of the answer as the page has it. */
const shown = (page: Page): Promise<string> =>
  page.evaluate(() =>
    window.agent.messages
      .flatMap(({ role, content }) => (role === "assistant" ? [String(content)] : []))
      .join(),
  );

it("a page has the whole run over cuts, a server that is killed twice, and its being loaded anew", async () => {
  const { origin: pages } = await servePage("client.ts");
  const runner = await startResumableRunner();
  const runlog = await startRunlog({
    runnerUrl: runner.address,
    env: { RUNLOG_CORS_ORIGINS: pages },
  });
  const proxy = await startCuttingProxy(runlog.url);
  const url = `${proxy.origin}/api/projects/p1/agentic-sessions`;
  const { page, failures } = await openPage(browser, `${pages}/?thread=s1&url=${url}`);
  await page.evaluate(async () => {
    await window.following;
    window.agent.addMessage({ id: "m1", role: "user", content: "go" });
    window.following = window.agent.runAgent({ runId: "r" });
  });
  const run = await waitFor(() => runner.run("r"), { what: "the run at its runner" });

  run.say(JSON.stringify({ type: "RUN_STARTED", ...RUN }));
  run.say(JSON.stringify({ type: "TEXT_MESSAGE_START", messageId: "a", role: "assistant" }));
  for (const [at, delta] of WORDS.entries()) {
    if (CUTS.has(at) || RESTARTS.has(at) || at === RELOAD)
      await waitFor(async () => (await shown(page)) === WORDS.slice(0, at).join(""), {
        what: `${at} words in the page`,
      });
    if (CUTS.has(at)) proxy.cutAfter(CUT_BYTES);
    if (RESTARTS.has(at)) {
      await runlog.end("SIGKILL");
      await runlog.startAgain();
    }
    if (at === RELOAD) await page.reload();
    run.say(JSON.stringify({ type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta }));
  }
  run.say(JSON.stringify({ type: "TEXT_MESSAGE_END", messageId: "a" }));
  run.say(JSON.stringify({ type: "RUN_FINISHED", ...RUN }));
  run.end();
  await page.evaluate(() => window.following);

  expect(await shown(page)).toBe(WORDS.join(""));
  expect(await page.evaluate(() => window.agent.messages[0]?.content)).toBe("go");
  expect(failures).toEqual([]);
  expect(proxy.cuts).toBe(CUTS.size);
  expect(runner.requests.filter((request) => request === "POST /")).toHaveLength(1);
});
