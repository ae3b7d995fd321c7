import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startAgent } from "./support/agent-process.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { answer, call, type PlayedSession, startPlayedSession } from "./support/played-run.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

/** A chat in a browser, runlog, and what plays the agent. */
interface Chat extends PlayedSession {
  readonly page: Page;
  /** Types something and sends it, once no run goes on. */
  readonly say: (text: string) => Promise<void>;
  /** Presses the button that stops the run. */
  readonly stop: () => Promise<void>;
  /** Resolves when the page says that no run goes on. */
  readonly idle: () => Promise<void>;
  /** How many messages it shows. */
  readonly count: () => Promise<number>;
}

async function startWithRuntime(): Promise<Chat> {
  const session = await startPlayedSession();
  const runtime = await startAgent("copilot-runtime", { RUNLOG_SESSIONS: sessionsOf(session) });
  const { origin } = await servePage("copilotkit.tsx");
  return openCopilotKit(session, origin, runtime.slice(0, -1));
}

/** A page of CopilotKit that asks runlog for what a runtime gives. */
async function startWithoutRuntime(query: Record<string, string> = {}): Promise<Chat> {
  const { origin } = await servePage("copilotkit.tsx");
  const session = await startPlayedSession({ RUNLOG_CORS_ORIGINS: origin }, "default");
  return openCopilotKit(session, origin, `${session.runlog.url}/api/copilotkit`, query);
}

const sessionsOf = ({ runlog }: PlayedSession): string =>
  new URL(".", runlog.sessionUrl("s1")).href.slice(0, -1);

async function openCopilotKit(
  session: PlayedSession,
  origin: string,
  runtime: string,
  more: Record<string, string> = {},
): Promise<Chat> {
  const query = new URLSearchParams({ thread: "s1", runtime, ...more });
  const { page } = await openPage(browser, `${origin}/?${query}`);
  const send = page.getByTestId("copilot-send-button");
  const idle = (): Promise<void> => page.locator('[data-copilot-running="false"]').waitFor();
  await fetched(page, more["single"] === undefined ? "/connect" : "/copilotkit");
  return {
    ...session,
    page,
    async say(text) {
      // in mid-run the same button stops it
      await idle();
      await page.getByTestId("copilot-chat-textarea").fill(text);
      await send.click();
    },
    stop: () => send.click(),
    idle,
    count: () => page.locator("[data-message-id]").count(),
  };
}

async function startAssistantUi(): Promise<Chat> {
  const { origin } = await servePage("assistant-ui.tsx");
  const session = await startPlayedSession({ RUNLOG_CORS_ORIGINS: origin });
  const query = new URLSearchParams({ session: session.runlog.sessionUrl("s1") });
  const { page } = await openPage(browser, `${origin}/?${query}`);
  await fetched(page, "/s1");
  const idle = (): Promise<void> => page.getByTestId("running").waitFor({ state: "detached" });
  return {
    ...session,
    page,
    async say(text) {
      await idle();
      await page.getByPlaceholder("Say something").fill(text);
      await page.getByRole("button", { name: "Send" }).click();
    },
    stop: () => page.getByRole("button", { name: "Stop" }).click(),
    idle,
    count: () => page.getByTestId("message").count(),
  };
}

/** Resolves when the page has what it loads first: what is said before that may be lost to it. */
async function fetched(page: Page, end: string): Promise<void> {
  await page.waitForFunction(
    (path) => performance.getEntriesByType("resource").some(({ name }) => name.endsWith(path)),
    end,
  );
}

const CHATS = [
  ["CopilotKit without its runtime", startWithoutRuntime],
  ["CopilotKit without its runtime, by one route", () => startWithoutRuntime({ single: "" })],
  ["CopilotKit with its runtime and RunlogAgentRunner", startWithRuntime],
  ["assistant-ui", startAssistantUi],
] as const;

describe.each(CHATS)("%s", (_, startChat) => {
  it("a chat that is reloaded in mid-run goes on, and has all of it after another reload", async () => {
    const { page, say, run, idle, count } = await startChat();
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
      await idle();
      expect(await count()).toBe(2);
    }
  });

  it("an approval survives a reload behind 400 KB of history", async () => {
    const { page, say, run, idle } = await startChat();
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
    await idle();

    const resumed = await run(() => approve.click());
    expect(resumed.input["resume"]).toEqual([
      { interruptId: "i1", status: "resolved", payload: { approved: true } },
    ]);
    const done = answer("a2");
    await resumed.finish(done.start, done.text("It is gone"), done.end);
    for (const reload of [false, true]) {
      if (reload) await page.reload();
      await page.getByText("It is gone").waitFor();
      await idle();
      expect(await approve.count()).toBe(0);
    }
  });

  it("the button that stops a run stops it", async () => {
    const { page, say, run, stop, idle, client } = await startChat();
    const { start, text } = answer("a1");
    const playing = await run(() => say("count"));
    await playing.send(start, text("one, two"));
    await page.getByText("one, two").waitFor();
    await stop();
    await playing.closed;
    const lines = await client.settled(String(playing.input["runId"]));
    expect(JSON.parse(lines.at(-1) ?? "{}")).toMatchObject({
      type: "RUN_FINISHED",
      outcome: { type: "cancelled" },
    });
    await idle();

    const next = await run(() => say("and now?"));
    const well = answer("a2");
    await next.finish(well.start, well.text("I am well"), well.end);
    await page.getByText("I am well").waitFor();
  });
});
