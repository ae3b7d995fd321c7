import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRunlog } from "../clients/support/runlog.ts";
import { startBrowser } from "../support/chromium.ts";
import { startResumableRunner } from "../support/resumable-runner.ts";
import { waitFor } from "../support/wait-for.ts";
import { openInspector, sessionAt, shows, textIn } from "./support/inspector.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const RUN = { threadId: "s1", runId: "r" };
const WORDS = Array.from({ length: 60 }, (_, at) => `w${at} `);

/** A server whose runner says what the test says, and a page that watches a session of it. */
async function watching() {
  const runner = await startResumableRunner();
  const runlog = await startRunlog({ runnerUrl: runner.address });
  const session = sessionAt(runlog.url, "s1");
  await session.run({ runId: "r", messages: [{ role: "user", content: "go" }] });
  const run = await waitFor(() => runner.run("r"), { what: "the run at its runner" });
  const say = (event: object): void => run.say(JSON.stringify(event));
  say({ type: "RUN_STARTED", ...RUN });
  const inspector = await openInspector(browser, runlog.url, { hash: "#/default/s1" });
  return { runner, runlog, session, run, say, ...inspector };
}

/** The words that the page shows, each once and in order. */
async function wordsIn(page: Page): Promise<string> {
  return (await textIn(page)).match(/\bw\d+\b/g)?.join(" ") ?? "";
}

const upTo = (count: number): string => WORDS.slice(0, count).join("").trim();

describe("a run", () => {
  it("is shown as it goes on, over a page that is loaded anew and a server that is killed", async () => {
    const { runlog, run, say, page, failures } = await watching();
    say({ type: "TEXT_MESSAGE_START", messageId: "a", role: "assistant" });
    for (const [at, delta] of WORDS.entries()) {
      if (at === 20 || at === 40)
        await waitFor(async () => (await wordsIn(page)) === upTo(at), { what: `${at} words` });
      if (at === 20) await page.reload();
      if (at === 40) {
        await runlog.end("SIGKILL");
        await page.getByText("The server does not answer").waitFor();
        // what was there stays there
        expect(await wordsIn(page)).toBe(upTo(40));
        await runlog.startAgain();
      }
      say({ type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta });
    }
    say({ type: "TEXT_MESSAGE_END", messageId: "a" });
    say({ type: "RUN_FINISHED", ...RUN });
    run.end();
    await shows(page, "Run finished");
    expect(await wordsIn(page)).toBe(upTo(WORDS.length));
    await page.getByText("The server does not answer").waitFor({ state: "hidden" });
    expect(failures).toEqual([]);
  });

  it("is cancelled by a button, and its tools and errors are shown", async () => {
    const { say, page, session } = await watching();
    say({ type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "Read" });
    say({ type: "TOOL_CALL_ARGS", toolCallId: "c", delta: '{"path":"a.txt"}' });
    say({ type: "TOOL_CALL_END", toolCallId: "c" });
    say({ type: "TOOL_CALL_RESULT", messageId: "t", toolCallId: "c", content: "what a.txt has" });
    const call = page.locator("summary", { hasText: "Read" });
    await call.waitFor();
    expect(await textIn(page)).not.toContain("what a.txt has");
    await call.focus();
    await page.keyboard.press("Enter");
    await shows(page, "what a.txt has");
    await page.getByRole("button", { name: "Cancel the run" }).click();
    await shows(page, "Run cancelled");
    const { runs } = await session.runs();
    expect(runs).toMatchObject([{ status: "cancelled" }]);
  });

  it("that asks for approval goes on when it is given by a button", async () => {
    const { run, runner, say, page, session } = await watching();
    const interrupts = [{ id: "i1", reason: "approval", message: "Delete the table?" }];
    say({ type: "RUN_FINISHED", ...RUN, outcome: { type: "interrupt", interrupts } });
    run.end();
    await shows(page, "Delete the table?");
    await page.reload();
    await shows(page, "Delete the table?");
    await page.getByRole("button", { name: "Approve" }).click();
    const next = await waitFor(async () => (await session.get()).status?.activeRun ?? null, {
      what: "the run that goes on",
    });
    await waitFor(() => runner.run(next.runId), { what: "it at its runner" });
    const { events } = await session.page({ view: "raw" });
    const [input] = events.filter(({ name }) => name === "runlog:run-input").slice(-1);
    expect(input?.["value"]).toMatchObject({
      resume: [{ interruptId: "i1", status: "resolved", payload: { approved: true } }],
    });
    const going = runner.run(next.runId)!;
    going.say(JSON.stringify({ type: "RUN_STARTED", threadId: "s1", runId: next.runId }));
    await page.getByRole("button", { name: "Approve" }).waitFor({ state: "hidden" });
    going.say(
      JSON.stringify({ type: "RUN_ERROR", message: "The table is locked", code: "locked" }),
    );
    going.end();
    await shows(page, "The table is locked");
  });

  it("is looked at as it was, by a link that can be shared", async () => {
    const { run, say, page, session, runlog } = await watching();
    say({ type: "TEXT_MESSAGE_CHUNK", messageId: "a", role: "assistant", delta: "First" });
    say({ type: "TEXT_MESSAGE_CHUNK", messageId: "b", role: "assistant", delta: "Second" });
    say({ type: "RUN_FINISHED", ...RUN });
    run.end();
    await shows(page, "Second");
    const { events, cursors } = await session.page({ view: "raw" });
    const at = cursors[events.findIndex(({ delta }) => delta === "First")]!;
    await page.goto(`${runlog.url}/#/default/s1/conversation?at=${at}`);
    await shows(page, "This is the conversation as it was");
    expect(await textIn(page)).toContain("First");
    expect(await textIn(page)).not.toContain("Second");
    await page.getByRole("button", { name: "Back to now" }).click();
    await shows(page, "Second");
  });
});
