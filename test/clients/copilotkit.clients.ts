import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startAgent } from "./support/agent-process.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { answer, call, type PlayedSession, startPlayedSession } from "./support/played-run.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

/** A chat in a browser, its runtime, runlog and what plays the agent. */
interface Chat extends PlayedSession {
  readonly page: Page;
  /** Types something and sends it. */
  say(text: string): Promise<void>;
}

async function startChat(): Promise<Chat> {
  const { origin } = await servePage("copilotkit.tsx");
  const session = await startPlayedSession();
  const runtime = await startAgent("copilot-runtime", {
    RUNLOG_SESSIONS: new URL(".", session.runlog.sessionUrl("s1")).href.slice(0, -1),
  });
  const query = new URLSearchParams({ thread: "s1", runtime: runtime.slice(0, -1) });
  const { page } = await openPage(browser, `${origin}/?${query}`);
  const say = async (text: string): Promise<void> => {
    await page.getByTestId("copilot-chat-textarea").fill(text);
    await page.getByTestId("copilot-send-button").click();
  };
  return { ...session, page, say };
}

it("a chat of CopilotKit that is reloaded in mid-run goes on, and has all of it after another reload", async () => {
  const { page, say, run } = await startChat();
  const { start, text, end } = answer("a1");
  const playing = await run(() => say("hello"));
  await playing.send(start, text("Hi, "));
  await page.getByText("Hi,").waitFor();
  await page.reload();
  await page.getByText("Hi,").waitFor();
  await playing.send(text("there "));
  await page.getByText("Hi, there").waitFor();
  await playing.finish(text("you"), end);
  for (const reload of [false, true]) {
    if (reload) await page.reload();
    await page.getByText("Hi, there you").waitFor();
    await page.locator('[data-copilot-running="false"]').waitFor();
    expect(await page.getByTestId("copilot-assistant-message").count()).toBe(1);
    expect(await page.getByTestId("copilot-user-message").allInnerTexts()).toEqual(["hello"]);
  }
});

it("an approval of CopilotKit survives a reload behind 400 KB of history", async () => {
  const { page, say, run } = await startChat();
  const first = await run(() => say("read it all"));
  const calls = ["c1", "c2", "c3", "c4"].flatMap((id) => call(id, 100_000));
  const { start, text, end } = answer("a1");
  await first.finish(...calls, start, text("All is read"), end);
  await page.getByText("All is read").waitFor();

  const asking = await run(() => say("delete it"));
  const interrupts = [{ id: "i1", reason: "confirmation", message: "Shall I?" }];
  await asking.finish({ type: "RUN_FINISHED", outcome: { type: "interrupt", interrupts } });
  const approve = page.getByRole("button", { name: "Approve" });
  await approve.waitFor();
  await page.reload();
  await approve.waitFor();

  const resumed = await run(() => approve.click());
  expect(resumed.input["resume"]).toEqual([
    { interruptId: "i1", status: "resolved", payload: { approved: true } },
  ]);
  const done = answer("a2");
  await resumed.finish(done.start, done.text("It is gone"), done.end);
  for (const reload of [false, true]) {
    if (reload) await page.reload();
    await page.getByText("It is gone").waitFor();
    await page.locator('[data-copilot-running="false"]').waitFor();
    expect(await approve.count()).toBe(0);
  }
});

it("the button of CopilotKit that stops a run stops it", async () => {
  const { page, say, run, client } = await startChat();
  const { start, text } = answer("a1");
  const playing = await run(() => say("count"));
  await playing.send(start, text("one, two"));
  await page.getByText("one, two").waitFor();
  await page.getByTestId("copilot-send-button").click();
  await playing.closed;
  const lines = await client.settled(String(playing.input["runId"]));
  expect(JSON.parse(lines.at(-1) ?? "{}")).toMatchObject({
    type: "RUN_FINISHED",
    outcome: { type: "cancelled" },
  });
  await page.locator('[data-copilot-running="false"]').waitFor();

  const next = await run(() => say("and now?"));
  const well = answer("a2");
  await next.finish(well.start, well.text("I am well"), well.end);
  await page.getByText("I am well").waitFor();
});
