import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRunlog } from "../clients/support/runlog.ts";
import { startBrowser } from "../support/chromium.ts";
import { startResumableRunner } from "../support/resumable-runner.ts";
import { waitFor } from "../support/wait-for.ts";
import { openInspector, sessionAt, shows, violationsIn } from "./support/inspector.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const RUN = { threadId: "s1", runId: "r" };
const MEBIBYTE = 1_024 * 1_024;
const VIEWS = ["conversation", "timeline", "events", "state", "runs", "compare"];

/** A session whose one run has said all this. */
async function sessionOf(events: readonly object[]) {
  const runner = await startResumableRunner();
  const runlog = await startRunlog({ runnerUrl: runner.address });
  const session = sessionAt(runlog.url, "s1");
  await session.run({ runId: "r", messages: [{ role: "user", content: "go" }] });
  const run = await waitFor(() => runner.run("r"), { what: "the run at its runner" });
  const all = [{ type: "RUN_STARTED", ...RUN }, ...events, { type: "RUN_FINISHED", ...RUN }];
  run.say(...all.map((event) => JSON.stringify(event)));
  run.end();
  await waitFor(async () => (await session.runs()).runs[0]?.status === "finished", {
    what: "the end of the run",
  });
  return { url: runlog.url };
}

const text = (messageId: string, delta: string): object => ({
  type: "TEXT_MESSAGE_CHUNK",
  role: "assistant",
  messageId,
  delta,
});

const ATTACKS = [
  '<script>window.hacked = 1</script><img src="x" onerror="window.hacked = 2">',
  "[click](javascript:window.hacked=3) ![i](https://evil.example/a.png)",
  "<a href='javascript:window.hacked=4'>a</a> <iframe srcdoc='<script>top.hacked=5</script>'></iframe>",
  "\u202egnp.exe \u2066 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
];

describe("a session that wants harm", () => {
  it("is shown as text: nothing of it runs, leads astray or asks another server", async () => {
    const deep = "[".repeat(900) + "]".repeat(900);
    const { url } = await sessionOf([
      ...ATTACKS.map((attack, at) => text(`a${at}`, attack)),
      text("quotes", `${"> ".repeat(500)}deep`),
      { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: ATTACKS[0] },
      { type: "TOOL_CALL_ARGS", toolCallId: "c", delta: deep },
      { type: "TOOL_CALL_END", toolCallId: "c" },
      { type: "STATE_SNAPSHOT", snapshot: { [ATTACKS[0]!]: ATTACKS, ["__proto__"]: 1 } },
      { type: "CUSTOM", name: ATTACKS[0], value: ATTACKS },
    ]);
    for (const view of VIEWS) {
      const { page, failures, foreign } = await openInspector(browser, url, {
        hash: `#/default/s1/${view}`,
      });
      await page.getByRole("navigation", { name: "Views of the session" }).waitFor();
      if (view === "conversation") await shows(page, "<script>window.hacked = 1</script>");
      await waitFor(async () => (await page.getByText(/^Loading/).count()) === 0, {
        what: `the ${view}`,
      });
      await page.evaluate(() => {
        for (const fold of document.querySelectorAll("details")) fold.open = true;
      });
      const found = await page.evaluate(() => ({
        hacked: "hacked" in window,
        scripts: document.querySelectorAll("#main script, #main iframe, #main [onerror]").length,
        links: [...document.querySelectorAll("#main a")].filter((a) =>
          (a as HTMLAnchorElement).href.startsWith("javascript:"),
        ).length,
      }));
      expect(found, view).toEqual({ hacked: false, scripts: 0, links: 0 });
      expect(foreign, view).toEqual([]);
      expect(failures, view).toEqual([]);
      expect(await violationsIn(page), view).toEqual([]);
    }
  });

  it("is shown a part at a time: a text of 7 MiB, and 10,000 tool calls", async () => {
    const calls = Array.from({ length: 10_000 }, (_, at) => [
      { type: "TOOL_CALL_START", toolCallId: `c${at}`, toolCallName: "Ls", parentMessageId: "m" },
      { type: "TOOL_CALL_END", toolCallId: `c${at}` },
    ]).flat();
    const { url } = await sessionOf([
      ...calls,
      text("huge", "x".repeat(7 * MEBIBYTE)),
      text("z", "The last"),
    ]);
    const { page, failures } = await openInspector(browser, url, { hash: "#/default/s1" });
    await shows(page, "The last");
    await page.getByRole("button", { name: "Show all 7.0 MiB" }).waitFor();
    const { nodes } = await page.evaluate(() => ({ nodes: document.querySelectorAll("*").length }));
    expect(nodes).toBeLessThan(5_000);
    await page.getByRole("link", { name: "Runs" }).click();
    await shows(page, "10000");
    expect(failures).toEqual([]);
  });
});
