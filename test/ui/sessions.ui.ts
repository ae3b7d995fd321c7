import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../support/chromium.ts";
import { startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { openInspector, sessionAt, shows, violationsIn } from "./support/inspector.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const VIEWS = ["conversation", "timeline", "events", "state", "runs", "compare"];

describe("who opens the server's address", () => {
  it("begins a session with the demo, watches it, answers it, and finds it in the list", async () => {
    const { url } = await startServer({ env: { STORAGE_URL: "memory:" } });
    const { page, failures, foreign } = await openInspector(browser, url);
    await shows(page, "There is no session in this project yet");
    await page.getByLabel("Say something to the agent").fill("Find the flaky test");
    await page.getByLabel("Name (optional)").fill("hello");
    await page.keyboard.press("Enter");

    const log = page.getByRole("list", { name: "Conversation" });
    await log.getByText("Find the flaky test").waitFor();
    await log.getByText("I'll start").waitFor();
    // it streams: the message is there before it is whole
    await waitFor(async () => (await log.locator("[aria-busy=true]").count()) > 0, {
      what: "a message that is being streamed",
    });
    await page.getByRole("button", { name: "Wait for the event" }).click();
    await waitFor(
      async () => {
        const { runs } = await sessionAt(url, "hello", "demo").runs();
        return runs.length === 2 && runs.every(({ status }) => status === "finished");
      },
      { what: "two runs that have finished" },
    );
    const { messages } = await sessionAt(url, "hello", "demo").messages();
    const said = messages!.filter(({ role }) => role === "user").map(({ content }) => content);
    expect(said).toEqual(["Find the flaky test", "Wait for the event"]);
    await waitFor(async () => (await log.getByText("Run finished").count()) === 2, {
      what: "the ends of both runs",
    });

    for (const theme of ["light", "dark"]) {
      await page.getByLabel("Theme").selectOption(theme);
      for (const view of VIEWS) {
        await page.goto(`${url}/#/demo/hello/${view}`);
        await page.getByRole("navigation", { name: "Views of the session" }).waitFor();
        await waitFor(async () => (await page.getByText(/^Loading/).count()) === 0, {
          what: `the ${view}`,
        });
        expect(await violationsIn(page), `${view}, ${theme}`).toEqual([]);
      }
      await page.getByRole("link", { name: "runlog" }).click();
      await page.getByRole("link", { name: "hello" }).waitFor();
      expect(await violationsIn(page), `the list, ${theme}`).toEqual([]);
    }
    expect(failures).toEqual([]);
    expect(foreign).toEqual([]);
  });

  it("sees what others begin, searches, and goes through the pages of a long list", async () => {
    const { url } = await startServer({ env: { STORAGE_URL: "memory:" } });
    const { page, failures } = await openInspector(browser, url, { hash: "#/shop" });
    await shows(page, "There is no session in this project yet");
    const sessions = `${url}/api/projects/shop/agentic-sessions`;
    for (let at = 10; at < 35; at++) {
      const body = JSON.stringify({ name: `s${at}`, displayName: `Order ${at}` });
      const headers = { "Content-Type": "application/json" };
      expect((await fetch(sessions, { method: "POST", headers, body })).status).toBe(201);
    }
    await shows(page, "1–20 of 25");
    await page.getByRole("button", { name: "Older" }).click();
    await shows(page, "21–25 of 25");
    await page.getByRole("searchbox").fill("order 17");
    await waitFor(async () => (await page.locator("tbody tr").count()) === 1, {
      what: "the one that is searched for",
    });
    await page.getByRole("link", { name: "Order 17" }).click();
    await shows(page, "Nothing was said yet");
    await page.goBack();
    await page.getByRole("searchbox").fill("nobody");
    await shows(page, "No session has “nobody” in its name or first message");
    expect(failures).toEqual([]);
  });

  it("works on a phone without going sideways", async () => {
    const { url } = await startServer({ env: { STORAGE_URL: "memory:" } });
    const viewport = { width: 360, height: 640 };
    const { page } = await openInspector(browser, url, { viewport });
    await page.getByLabel("Say something to the agent").fill("Hi");
    await page.getByRole("button", { name: "Begin" }).click();
    await page
      .getByRole("list", { name: "Conversation" })
      .getByText("Hi", { exact: true })
      .waitFor();
    for (const view of VIEWS) {
      const name = /\/(session-[^/]+)/.exec(page.url())![1]!;
      await page.goto(`${url}/#/demo/${name}/${view}`);
      await page.getByRole("navigation", { name: "Views of the session" }).waitFor();
      await waitFor(async () => (await page.getByText(/^Loading/).count()) === 0, {
        what: `the ${view}`,
      });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide, view).toBeLessThanOrEqual(viewport.width);
    }
  });
});

describe("a session", () => {
  it("is deleted only by who says so twice", async () => {
    const { url } = await startServer({ env: { STORAGE_URL: "memory:" } });
    const session = sessionAt(url, "old", "demo");
    await session.run({ messages: [{ role: "user", content: "Hi" }] });
    const { page } = await openInspector(browser, url, { hash: "#/demo/old" });
    await page.getByRole("button", { name: "Delete…" }).click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Delete…" }).click();
    expect(await violationsIn(page)).toEqual([]);
    await page.getByRole("button", { name: "Delete it" }).click();
    await shows(page, "There is no session in this project yet");
    await expect(session.get()).rejects.toMatchObject({ status: 404 });
  });

  it("that is not there says so", async () => {
    const { url } = await startServer({ env: { STORAGE_URL: "memory:" } });
    for (const view of VIEWS) {
      const { page } = await openInspector(browser, url, { hash: `#/demo/nobody/${view}` });
      await shows(page, "Session not found");
    }
  });
});
