import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { blocksOf } from "../support/page-blocks.ts";
import { freshDir } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { startCuttingProxy } from "./support/cutting-proxy.ts";
import { answer, startPlayedSession } from "./support/played-run.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

declare global {
  interface Window {
    mount(): void;
    unmount(): void;
  }
}

/** What a page does with the component of docs/client.md. */
const MOUNT = `
import { createRoot } from "react-dom/client";
const url = new URLSearchParams(location.search).get("url");
let root = null;
window.mount = () => {
  root = createRoot(document.getElementById("root"));
  root.render(<Chat url={url} threadId="s1" />);
};
window.unmount = () => root.unmount();
window.mount();
`;

async function startChat() {
  const [component = ""] = await blocksOf("docs/client.md", "jsx");
  const file = join(await freshDir(), "page.jsx");
  await writeFile(file, component + MOUNT);
  const { origin } = await servePage(file);
  const session = await startPlayedSession({ RUNLOG_CORS_ORIGINS: origin });
  const proxy = await startCuttingProxy(session.runlog.url);
  const url = `${proxy.origin}/api/projects/p1/agentic-sessions`;
  const { page, failures } = await openPage(browser, `${origin}/?url=${url}`);
  const status = (text: string): Promise<void> =>
    page.locator("output", { hasText: text }).waitFor();
  await status("idle");
  return {
    ...session,
    proxy,
    page,
    failures,
    status,
    say: async (text: string): Promise<void> => {
      await page.locator("input").fill(text);
      await page.locator("input").press("Enter");
    },
    shows: (text: string): Promise<void> =>
      page.locator('[data-role="assistant"]', { hasText: text }).last().waitFor(),
  };
}

/** The requests of a page that have no end yet. */
function openRequests(page: Page): ReadonlySet<unknown> {
  const open = new Set<unknown>();
  page.on("request", (request) => open.add(request));
  page.on("requestfinished", (request) => open.delete(request));
  page.on("requestfailed", (request) => open.delete(request));
  return open;
}

it("a component shows what it sends and the run as it comes, over a cut and a server that is killed, and stops it", async () => {
  const { failures, page, proxy, run, runlog, say, shows, status } = await startChat();
  const first = await run(() => say("hello"));
  await page.locator('[data-role="user"]', { hasText: "hello" }).waitFor();
  const hi = answer("a1");
  await first.send(hi.start, hi.text("Good "));
  await shows("Good");
  await status("working");
  proxy.cutAfter(5);
  await first.send(hi.text("morning"));
  await shows("Good morning");
  expect(proxy.cuts).toBe(1);
  await first.finish(hi.end);
  await status("idle");

  await runlog.end("SIGKILL");
  await runlog.startAgain();
  const second = await run(() => say("count"));
  const counting = answer("a2");
  await second.send(counting.start, counting.text("one, two"));
  await shows("one, two");
  await page.getByRole("button", { name: "Stop" }).click();
  await second.closed;
  await status("idle");
  const said = await page.locator("p[data-role]").allTextContents();
  expect(said).toEqual(["hello", "Good morning", "count", "one, two"]);
  expect(failures).toEqual([]);
});

it("a component that goes leaves no connection behind, and finds the run when it comes back", async () => {
  const { client, failures, page, run, say, shows, status } = await startChat();
  const playing = await run(() => say("hello"));
  const hi = answer("a1");
  await playing.send(hi.start, hi.text("Good "));
  await shows("Good");
  await page.evaluate(() => window.unmount());
  const open = openRequests(page);
  for (let times = 0; times < 10; times++) {
    await page.evaluate(() => window.mount());
    await shows("Good");
    expect(open.size).toBeGreaterThan(0);
    await page.evaluate(() => window.unmount());
    await waitFor(() => open.size === 0, { what: "the end of all requests" });
  }
  // it never asks again by itself
  await playing.send(hi.text("morning"));
  await waitFor(async () => (await client.lines()).join().includes("morning"), {
    what: "the event in the log",
  });
  expect(open.size).toBe(0);
  expect(await page.locator("#root").innerHTML()).toBe("");

  await page.evaluate(() => window.mount());
  await shows("Good morning");
  await playing.finish(hi.end);
  await status("idle");
  await waitFor(() => open.size === 0, { what: "the end of the stream" });
  expect(failures).toEqual([]);
});
