import { ɵcreateThreadStore as createThreadStore } from "@copilotkit/core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { freePort } from "../../scripts/bench/loopback.ts";
import { waitFor } from "../support/wait-for.ts";
import { startAgentProcess } from "./support/agent-process.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { answer, startPlayedSession } from "./support/played-run.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

it("the client's list of threads names, archives, brings back and deletes sessions", async () => {
  const { client, run, runlog } = await startPlayedSession({}, "default");
  const playing = await run(() => client.run());
  const { start, text, end } = answer("a1");
  await playing.finish(start, text("Hi"), end);
  await client.settled();

  const errors: unknown[] = [];
  const store = createThreadStore({ fetch, onError: (error) => errors.push(error) });
  onTestFinished(() => store.stop());
  store.start();
  const context = { runtimeUrl: `${runlog.url}/api/copilotkit`, headers: {}, agentId: "default" };
  const threads = () => store.getState().threads.map(({ id, name }) => [id, name]);
  const reloaded = async (isThere: boolean): Promise<void> => {
    store.setContext(context);
    await waitFor(() => !store.getState().isLoading && store.getState().sessionId > 0);
    await waitFor(() => threads().length > 0 === isThere);
  };
  await reloaded(true);
  expect(threads()).toEqual([["s1", null]]);
  await store.renameThread("s1", "Greeting");
  await reloaded(true);
  expect(threads()).toEqual([["s1", "Greeting"]]);
  await store.archiveThread("s1");
  await reloaded(false);
  await store.unarchiveThread("s1");
  await reloaded(true);
  await store.deleteThread("s1");
  await reloaded(false);
  expect(errors).toEqual([]);
  expect((await client.get("")).status).toBe(404);
});

it("a page lists its threads, and renames, archives and deletes them", async () => {
  const { origin } = await servePage("copilotkit.tsx");
  const { runlog } = await startPlayedSession({ RUNLOG_CORS_ORIGINS: origin }, "default");
  for (const name of ["one", "two", "three"])
    await runlog.fetch("/api/projects/default/agentic-sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name }),
    });
  const query = { thread: "s1", runtime: `${runlog.url}/api/copilotkit`, threads: "" };
  const { page } = await openPage(browser, `${origin}/?${new URLSearchParams(query)}`);
  const threads = page.locator("[data-thread]");
  const thread = (id: string) => page.locator(`[data-thread="${id}"]`);
  const press = (id: string, name: string): Promise<void> =>
    thread(id).getByRole("button", { name }).click();
  for (const id of ["one", "two", "three"]) await thread(id).waitFor();
  await press("one", "Rename");
  await thread("one").filter({ hasText: "Renamed one" }).waitFor();
  for (const [id, name] of [
    ["two", "Archive"],
    ["three", "Delete"],
  ] as const) {
    await press(id, name);
    await thread(id).waitFor({ state: "detached" });
  }
  // the page shows what it has asked for before it has the answer
  const deleted = runlog.sessionUrl("three", "default");
  await waitFor(async () => (await fetch(deleted)).status === 404, { what: "the deletion" });
  await page.reload();
  await thread("one").filter({ hasText: "Renamed one" }).waitFor();
  expect(await threads.count()).toBe(1);
});

it("a page chats with the agent that it names, of several that the server has", async () => {
  const { origin } = await servePage("copilotkit.tsx");
  const { client, run, runlog } = await startPlayedSession(
    (url) => ({
      RUNLOG_CORS_ORIGINS: origin,
      // the first has nobody there
      RUNLOG_AGENTS: `coder=${url}coder/,support=${url}`,
      RUNNER_URL: "",
    }),
    "default",
  );
  const query = { thread: "s1", runtime: `${runlog.url}/api/copilotkit`, agent: "support" };
  const { page } = await openPage(browser, `${origin}/?${new URLSearchParams(query)}`);
  const idle = page.locator('[data-copilot-running="false"]');
  const { start, text, end } = answer("a1");
  await idle.waitFor();
  await page.getByTestId("copilot-chat-textarea").fill("hello");
  const playing = await run(() => page.getByTestId("copilot-send-button").click());
  await playing.send(start, text("I support"));
  await page.reload();
  await page.getByText("I support").waitFor();
  await playing.finish(text(" you"), end);
  await page.getByText("I support you").waitFor();
  await idle.waitFor();
  expect(await (await client.get("")).json()).toMatchObject({ spec: { agent: "support" } });
});

it("a runtime that is killed in mid-run and started again goes on with the run", async () => {
  const { origin } = await servePage("copilotkit.tsx");
  const { run, runlog } = await startPlayedSession();
  const sessions = new URL(".", runlog.sessionUrl("s1")).href.slice(0, -1);
  const env = { RUNLOG_SESSIONS: sessions, PORT: String(await freePort()) };
  const before = await startAgentProcess("copilot-runtime", env);
  const runtime = before.address.slice(0, -1);
  const { page } = await openPage(
    browser,
    `${origin}/?${new URLSearchParams({ thread: "s1", runtime })}`,
  );
  const idle = page.locator('[data-copilot-running="false"]');
  await idle.waitFor();
  await page.getByTestId("copilot-chat-textarea").fill("hello");
  const { start, text, end } = answer("a1");
  const playing = await run(() => page.getByTestId("copilot-send-button").click());
  await playing.send(start, text("Hi, "));
  await page.getByText("Hi,").waitFor();
  await before.kill();
  await playing.send(text("there "));
  await startAgentProcess("copilot-runtime", env);
  await page.reload();
  await page.getByText("Hi, there").waitFor();
  await playing.finish(text("you"), end);
  await page.getByText("Hi, there you").waitFor();
  await idle.waitFor();
});
