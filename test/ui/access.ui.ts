import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBrowser } from "../support/chromium.ts";
import { freshDir, runCli, startServer } from "../support/server-process.ts";
import { openInspector, shows, violationsIn } from "./support/inspector.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

it("a server that asks who calls is looked at with a token, which the page keeps to itself", async () => {
  const dir = await freshDir();
  const file = join(dir, "tokens");
  const add = async (name: string, ...options: readonly string[]): Promise<string> => {
    const args = ["token", "add", name, ...options];
    return (await runCli({ env: { RUNLOG_TOKENS_FILE: file }, args })).stdout.trim();
  };
  const reader = await add("reader", "--right", "read", "--projects", "shop");
  const { url } = await startServer({
    env: {
      STORAGE_URL: "memory:",
      RUNLOG_AUTH: "token",
      RUNLOG_TOKENS_FILE: file,
      RUNLOG_UI: "1",
    },
  });
  const { page, failures } = await openInspector(browser, url, { hash: "#/shop" });
  await shows(page, "A token is needed");
  expect(await violationsIn(page)).toEqual([]);
  await page.getByLabel("Token").fill("wrong");
  await page.keyboard.press("Enter");
  await shows(page, "The server does not take this token");
  await page.getByLabel("Token").fill(reader);
  await page.keyboard.press("Enter");
  await shows(page, "There is no session in this project yet");

  // it may read, and not begin
  await page.getByLabel("Say something to the agent").fill("Hi");
  await page.keyboard.press("Enter");
  await shows(page, "your token does not allow it here");
  // and nothing in another project
  await page.getByLabel("Project").fill("other");
  await page.keyboard.press("Enter");
  await shows(page, "The sessions could not be read");
  expect(page.url()).not.toContain(reader);
  const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]));
  expect(kept).not.toContain(reader);
  await page.reload();
  await shows(page, "A token is needed");
  expect(failures).toEqual([]);
});
