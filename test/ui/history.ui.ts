import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDataDir, PROJECT } from "../../scripts/bench/data-dir.ts";
import { generateLog } from "../../scripts/bench/generate-log.ts";
import { startServer } from "../../scripts/bench/server-process.ts";
import { startRunlog } from "../clients/support/runlog.ts";
import { startBrowser } from "../support/chromium.ts";
import { startResumableRunner } from "../support/resumable-runner.ts";
import { waitFor } from "../support/wait-for.ts";
import { openInspector, sessionAt, shows, textIn, violationsIn } from "./support/inspector.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

/** Of the long log, in megabytes: 500 are two million events. */
const MEGABYTES = Number(process.env["UI_MEGABYTES"] ?? 5);
/** Rows that may be drawn at once, whatever the length of the log. */
const MOST_ROWS = 100;

const rows = (page: Page) => page.locator(".event-row");
const types = (page: Page): Promise<string[]> => page.locator(".event-type").allInnerTexts();
const rail = (page: Page) => page.getByLabel("Place in the whole log");

/** A session with two runs: the first one calls a tool and sets a state, the second one changes it and fails. */
async function twoRuns() {
  const runner = await startResumableRunner();
  const runlog = await startRunlog({ runnerUrl: runner.address });
  const session = sessionAt(runlog.url, "s1");
  const play = async (runId: string, events: readonly object[]): Promise<void> => {
    await session.run({ runId, messages: [{ role: "user", content: `go ${runId}` }] });
    const run = await waitFor(() => runner.run(runId), { what: "the run at its runner" });
    const started = { type: "RUN_STARTED", threadId: "s1", runId };
    run.say(...[started, ...events].map((event) => JSON.stringify(event)));
    run.end();
    await waitFor(async () => (await session.runs()).runs[0]?.endCursor, { what: "its end" });
  };
  await play("first", [
    { type: "STATE_SNAPSHOT", snapshot: { phase: "begun", files: ["a"] } },
    { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "Read" },
    { type: "TOOL_CALL_ARGS", toolCallId: "c", delta: '{"path":"a.txt"}' },
    { type: "TOOL_CALL_END", toolCallId: "c" },
    { type: "TOOL_CALL_RESULT", messageId: "t", toolCallId: "c", content: "needle 12" },
    { type: "CUSTOM", name: "big", value: { exact: 1 } },
    { type: "RUN_FINISHED", threadId: "s1", runId: "first" },
  ]);
  await play("second", [
    { type: "STATE_DELTA", delta: [{ op: "replace", path: "/phase", value: "done" }] },
    { type: "RUN_ERROR", message: "It broke", code: "broken" },
  ]);
  return { runlog, session, runner };
}

describe("the events of a session", () => {
  it("are listed, searched, opened, and found again by a link", async () => {
    const { runlog, session } = await twoRuns();
    const { page, failures } = await openInspector(browser, runlog.url, {
      hash: "#/default/s1/events",
    });
    await rows(page).filter({ hasText: "RUN_ERROR" }).waitFor();
    const { events } = await session.page();
    expect(await types(page)).toEqual(events.map(({ type }) => type));

    await page.getByLabel("Text in events").fill("NEEDLE");
    await page.getByRole("button", { name: "Search" }).click();
    await shows(page, "1 found");
    expect(await textIn(page)).toContain("all of the log");
    await rows(page).first().click();
    await page.getByLabel("JSON of the event").waitFor();
    expect(await page.getByLabel("JSON of the event").innerText()).toContain('"needle 12"');
    await page.getByRole("button", { name: "Show in place" }).click();
    await waitFor(async () => (await rows(page).count()) === events.length, { what: "all events" });
    expect(await page.locator(".event-row[aria-selected=true]").innerText()).toContain("needle 12");

    await page.getByLabel("Events, oldest first").focus();
    await page.keyboard.press("ArrowDown");
    await waitFor(
      async () => (await page.getByLabel("JSON of the event").innerText()).includes('"big"'),
      { what: "the next event" },
    );
    await page.getByRole("link", { name: "State then" }).click();
    await shows(page, "begun");
    expect(page.url()).toContain("at=");
    expect(await violationsIn(page)).toEqual([]);

    await page.goto(`${runlog.url}/#/default/s1/events?run=second`);
    await waitFor(async () => (await types(page)).includes("RUN_ERROR"), {
      what: "the second run",
    });
    expect(failures).toEqual([]);
  });

  it("of a long log are few on the page, wherever in it one looks", async () => {
    const data = await createDataDir([await generateLog(MEGABYTES)], () => "long");
    const server = await startServer({ dataDir: data.dir });
    try {
      const { page, failures } = await openInspector(browser, `http://127.0.0.1:${server.port}`, {
        hash: `#/${PROJECT}/long/events`,
      });
      await page.getByLabel("Which events").selectOption("raw");
      await page.getByRole("button", { name: "Live", exact: true }).waitFor();
      const known = new Set<string>();
      for (const share of [0, 100, 333, 500, 777, 999]) {
        await rail(page).fill(String(share));
        const first = await waitFor(
          async () => {
            const id = await rows(page).first().getAttribute("id", { timeout: 1_000 });
            return id !== null && !known.has(id) ? id : null;
          },
          { what: `events at ${share}` },
        );
        known.add(first);
        expect(await rows(page).count()).toBeLessThan(MOST_ROWS);
      }
      await page.getByLabel("Events, oldest first").hover();
      const before = await rows(page).first().getAttribute("id");
      const goLive = page.getByRole("button", { name: "Go live" });
      // what was asked for before may come meanwhile, and be the end again
      await waitFor(
        async () => {
          await page.mouse.wheel(0, -20_000);
          const first = await rows(page).first().getAttribute("id");
          return first !== before && (await goLive.count()) > 0;
        },
        { what: "earlier events" },
      );
      await goLive.click();
      await page.getByRole("button", { name: "Live", exact: true }).waitFor();
      expect(await rows(page).count()).toBeLessThan(MOST_ROWS);
      expect(failures).toEqual([]);
    } finally {
      await server.stop();
      await data.remove();
    }
  });

  it("are shown as they come, also after the server was killed", async () => {
    const runner = await startResumableRunner();
    const runlog = await startRunlog({ runnerUrl: runner.address });
    const session = sessionAt(runlog.url, "s1");
    await session.run({ runId: "r", messages: [{ role: "user", content: "go" }] });
    const run = await waitFor(() => runner.run("r"), { what: "the run at its runner" });
    const say = (at: number): void =>
      run.say(JSON.stringify({ type: "CUSTOM", name: `e${at}`, value: at }));
    const { page, failures } = await openInspector(browser, runlog.url, {
      hash: "#/default/s1/events",
    });
    run.say(JSON.stringify({ type: "RUN_STARTED", threadId: "s1", runId: "r" }));
    for (let at = 0; at < 200; at += 1) say(at);
    await shows(page, '"e199"');
    await runlog.end("SIGKILL");
    await page.getByText("The server does not answer").waitFor();
    expect(await textIn(page)).toContain('"e199"');
    await runlog.startAgain();
    for (let at = 200; at < 400; at += 1) say(at);
    await shows(page, '"e399"');
    const names = (await page.locator(".event-summary").allInnerTexts()).flatMap(
      (text) => /name: "e(\d+)"/.exec(text)?.[1] ?? [],
    );
    const [from = 0] = names.map(Number);
    expect(names.map(Number)).toEqual(names.map((_, index) => from + index));
    expect(failures).toEqual([]);
  });
});

describe("a session's history", () => {
  it("is a line of runs and tool calls, from which one comes to the events", async () => {
    const { runlog } = await twoRuns();
    const { page, failures } = await openInspector(browser, runlog.url, {
      hash: "#/default/s1/timeline",
    });
    await shows(page, "2 runs");
    await page.locator(".run-bar .tool").first().waitFor();
    await page.getByRole("application").focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("region", { name: "The chosen run" }).getByText("Read").waitFor();
    await page.keyboard.press("ArrowRight");
    await shows(page, "It broke");
    expect(await violationsIn(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await waitFor(async () => (await types(page)).includes("RUN_ERROR"), { what: "its events" });
    expect(page.url()).toContain("run=second");
    expect(failures).toEqual([]);
  });

  it("is gone through run by run, and forked where one is", async () => {
    const { runlog, session } = await twoRuns();
    const { page, failures } = await openInspector(browser, runlog.url, {
      hash: "#/default/s1/state",
    });
    await shows(page, '"done"');
    await page.getByRole("button", { name: "Compare from here" }).click();
    await page.getByRole("button", { name: "End of the run before" }).click();
    await waitFor(() => Promise.resolve(page.url().includes("at=")), { what: "a position" });
    await page.keyboard.press("Alt+PageUp");
    await shows(page, '"begun"');
    expect(await textIn(page)).toContain("phase");
    await page.getByRole("button", { name: "Fork from here" }).click();
    await waitFor(() => Promise.resolve(!page.url().includes("/s1/")), { what: "the fork" });
    await shows(page, "go first");
    expect(await textIn(page)).not.toContain("go second");
    const name = /default\/([^/]+)\//.exec(page.url())?.[1] ?? "";
    const fork = await sessionAt(runlog.url, name).get();
    expect(fork.metadata.annotations?.["vteam.ambient-code/forked-from"]).toBe(session.name);
    expect(failures).toEqual([]);
  });

  it("is compared, run beside run", async () => {
    const { runlog } = await twoRuns();
    const { page, failures } = await openInspector(browser, runlog.url, {
      hash: "#/default/s1/compare?run=first&other=second",
    });
    await shows(page, "It broke");
    const table = page.getByRole("region", { name: "Two runs side by side" });
    expect(await table.innerText()).toContain("needle 12");
    expect(await violationsIn(page)).toEqual([]);
    expect(failures).toEqual([]);
  });

  it("is downloaded as it was exported", async () => {
    const { runlog, session } = await twoRuns();
    const { page } = await openInspector(browser, runlog.url, { hash: "#/default/s1" });
    // as in browsers in which a page cannot ask for a file
    await page.evaluate(() => Reflect.deleteProperty(window, "showSaveFilePicker"));
    const coming = page.waitForEvent("download");
    await page.getByLabel("Download the session").selectOption({ label: "NDJSON, as stored" });
    const download = await coming;
    expect(download.suggestedFilename()).toBe("s1.raw.ndjson");
    let text = "";
    for await (const chunk of await download.createReadStream()) text += String(chunk);
    const exported = await session.export({ format: "ndjson", view: "raw" });
    expect(text).toBe(await exported.text());
  });
});
