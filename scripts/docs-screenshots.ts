// Makes the pictures of docs/inspector.md: every view of the inspector on a session of the demo, light and dark.
import { mkdir, rm, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { createSessionClient } from "../src/client/index.ts";
import { parseConfig } from "../src/config.ts";
import { start } from "../src/entry/node.ts";
import { startBrowser } from "../test/support/chromium.ts";

const IMAGES = fileURLToPath(new URL("../docs/images/", import.meta.url));
const MAX_BYTES = 150 * 1024;
const SESSION = "checkout-test";
const VIEWS = ["conversation", "timeline", "events", "state", "runs", "compare"];
const THEMES = ["light", "dark"] as const;

/** A session that has asked and was answered, and one that still works. */
async function playDemo(origin: string): Promise<void> {
  const sessions = createSessionClient({ url: `${origin}/api/projects/demo/agentic-sessions` });
  for (const [name, displayName] of [
    ["stock", "Why is the stock off by one?"],
    ["release-notes", "Release notes"],
  ] as const) {
    await sessions.create({ name, displayName });
  }
  const session = sessions.session(SESSION);
  for (const content of ["Find out why the checkout test is flaky", "Wait for the event"]) {
    const { runId } = await session.run({ messages: [{ role: "user", content }] });
    for await (const { event } of session.events())
      if (event.type === "RUN_FINISHED" && event["runId"] === runId) break;
  }
  await sessions
    .session("release-notes")
    .run({ messages: [{ role: "user", content: "Write the release notes" }] });
}

async function takePicture(
  browser: Browser,
  address: string,
  { name, theme }: { readonly name: string; readonly theme: (typeof THEMES)[number] },
): Promise<void> {
  const context = await browser.newContext({
    colorScheme: theme,
    viewport: { width: 1_000, height: 720 },
  });
  const page = await context.newPage();
  await page.goto(address);
  await page.getByRole("main").getByRole("heading").first().waitFor();
  await page.getByText(/^Loading/).waitFor({ state: "hidden" });
  const path = `${IMAGES}${name}-${theme}.png`;
  await page.screenshot({ path, animations: "disabled" });
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MAX_BYTES}`);
  process.stdout.write(`${name}-${theme}.png: ${Math.ceil(size / 1024)} KiB\n`);
  await context.close();
}

await rm(IMAGES, { recursive: true, force: true });
await mkdir(IMAGES, { recursive: true });
const server = await start(parseConfig({ STORAGE_URL: "memory:", PORT: "0", RUNLOG_DRAIN: "1s" }));
const browser = await startBrowser();
await playDemo(server.url);
for (const theme of THEMES) {
  await takePicture(browser, `${server.url}/#/demo`, { name: "sessions", theme });
  for (const view of VIEWS)
    await takePicture(browser, `${server.url}/#/demo/${SESSION}/${view}`, { name: view, theme });
}
await browser.close();
await server.close();
process.exit();
