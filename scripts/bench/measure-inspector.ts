import { readdir, readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { startBrowser } from "../../test/support/chromium.ts";
import { startScript } from "./child-script.ts";
import { createDataDir, type DataDir, type LogSession, PROJECT, sessionPath } from "./data-dir.ts";
import { createRandom } from "./random.ts";
import { atMost, median, type Row } from "./row.ts";
import { startServer } from "./server-process.ts";
import { startRun } from "./start-run.ts";

const LIMIT_MS = 1_000;
const LIMIT_LIVE_MS = 200;
const LIMIT_MEBIBYTES = 300;
const JUMPS = 30;
const WHEELS = 400;
const WHEEL_PIXELS = 2_000;
const SEED = 7;
const LIVE_EVENTS = 2_000;
const LIVE_PER_SECOND = 200;
const MEBIBYTE = 1_024 * 1_024;
const KIBIBYTE = 1_024;
const START_TIMEOUT_MS = 10_000;
const VIEWPORT = { width: 1_280, height: 800 };

/** The inspector in Debian's Chromium: how soon events are on its screen, and what memory its page takes. */
export async function measureInspector(data: DataDir): Promise<Row[]> {
  const browser = await startBrowser();
  try {
    const rows: Row[] = [];
    const server = await startServer({ dataDir: data.dir });
    try {
      for (const session of data.sessions)
        rows.push(...(await measureLog(browser, server.port, session)));
    } finally {
      await server.stop();
    }
    return [...rows, ...(await measureLive(browser))];
  } finally {
    await browser.close();
  }
}

/** Opens a long log, goes to places all over it, and scrolls on. */
async function measureLog(browser: Browser, port: number, session: LogSession): Promise<Row[]> {
  const size = `${session.log.megabytes} MB`;
  const page = await browser.newPage({ viewport: VIEWPORT });
  try {
    await page.goto(`http://127.0.0.1:${port}/#/${PROJECT}`);
    await page.getByRole("link", { name: session.session }).waitFor();
    const startedAtMs = performance.now();
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/${PROJECT}/${session.session}/events`);
    await page.locator(".event-row").first().waitFor();
    const firstMs = performance.now() - startedAtMs;
    // all events, each one as it was stored
    await page.locator(".events-tools select").selectOption("raw");
    await page.getByRole("button", { name: "Live", exact: true }).waitFor();
    const jumps: number[] = [];
    const random = createRandom(SEED);
    const rail = page.getByLabel("Place in the whole log");
    const box = await rail.boundingBox();
    if (!box) throw new Error("the rail of the inspector has no place");
    for (let jump = 0; jump < JUMPS; jump += 1)
      jumps.push(
        await jumpTo(page, box.x + box.width / 2, box.y + random.integer(Math.floor(box.height))),
      );
    await page.locator(".event-list").hover();
    for (let wheel = 0; wheel < WHEELS; wheel += 1) await page.mouse.wheel(0, WHEEL_PIXELS);
    const bytes = await rendererBytes();
    return [
      atMost(LIMIT_MS, {
        measurement: "inspector, first events",
        size,
        value: firstMs,
        unit: "ms",
      }),
      { measurement: "inspector, any place, median", size, value: median(jumps), unit: "ms" },
      atMost(LIMIT_MS, {
        measurement: "inspector, any place, longest",
        size,
        value: Math.max(...jumps),
        unit: "ms",
      }),
      atMost(LIMIT_MEBIBYTES, {
        measurement: "inspector, memory of its page",
        size,
        value: bytes / MEBIBYTE,
        unit: "MiB",
      }),
    ];
  } finally {
    await page.close();
  }
}

/** Clicks on the rail; how long it takes until other events are on the screen. */
async function jumpTo(page: Page, x: number, y: number): Promise<number> {
  const before = await page.locator(".event-row").first().getAttribute("id");
  const startedAtMs = performance.now();
  await page.mouse.click(x, y);
  await page.waitForFunction((id) => {
    const first = document.querySelector(".event-row");
    return first !== null && first.id !== id;
  }, before);
  return performance.now() - startedAtMs;
}

/** From an event's leaving its runner to its being on the screen, for each one that is. */
async function measureLive(browser: Browser): Promise<Row[]> {
  const data = await createDataDir();
  const load = { events: LIVE_EVENTS, eventsPerSecond: LIVE_PER_SECOND };
  const script = new URL("./fake-runner-process.ts", import.meta.url);
  const runner = startScript<{ port: number }>(script, load);
  try {
    const { port: runnerPort } = await runner.next(START_TIMEOUT_MS);
    const server = await startServer({ dataDir: data.dir, runnerPort });
    const page = await browser.newPage({ viewport: VIEWPORT, timezoneId: "UTC" });
    try {
      await startRun(server.port, sessionPath("live"));
      await page.goto(`http://127.0.0.1:${server.port}/#/${PROJECT}/live/events`);
      await page.getByRole("button", { name: "Live", exact: true }).waitFor();
      const delays = await page.evaluate(delaysOnScreen);
      const sorted = delays.toSorted((a, b) => a - b);
      const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
      const size = `${LIVE_PER_SECOND} events/s`;
      return [
        { measurement: "inspector, live event, median", size, value: at(0.5), unit: "ms" },
        atMost(LIMIT_LIVE_MS, {
          measurement: "inspector, live event, p95",
          size,
          value: at(0.95),
          unit: "ms",
        }),
        { measurement: "inspector, live events seen", size, value: delays.length, unit: "events" },
      ];
    } finally {
      await page.close();
      await server.stop();
    }
  } finally {
    await runner.stop();
    await data.remove();
  }
}

/** In the page: at each frame the rows that it shows for the first time, until the run has finished. */
function delaysOnScreen(): Promise<number[]> {
  const seen = new Set(Array.from(document.querySelectorAll(".event-row"), ({ id }) => id));
  const delays: number[] = [];
  const sinceMidnight = (text: string): number => Date.parse(`1970-01-01T${text}Z`);
  return new Promise((resolve) => {
    const look = (): void => {
      const now = Date.now() % 86_400_000;
      let isDone = false;
      for (const row of document.querySelectorAll(".event-row")) {
        const isNew = !seen.has(row.id);
        seen.add(row.id);
        isDone ||= row.querySelector(".event-type")?.textContent === "RUN_FINISHED";
        const time = row.querySelector(".event-time")?.textContent;
        if (isNew && time) delays.push(now - sinceMidnight(time));
      }
      if (isDone) resolve(delays);
      else requestAnimationFrame(look);
    };
    look();
  });
}

/** Memory of the largest process that renders a page of ours, without what it shares with other processes. */
async function rendererBytes(): Promise<number> {
  let most = 0;
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!command.includes("--type=renderer") || !(await isOurs(pid))) continue;
    const memory = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    const kibibytes = [...memory.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
    most = Math.max(most, kibibytes * KIBIBYTE);
  }
  return most;
}

/** Whether this process has started it, or one that did. */
async function isOurs(pid: string): Promise<boolean> {
  for (let at = pid; at !== "" && at !== "0";) {
    if (at === String(process.pid)) return true;
    const status = await readFile(`/proc/${at}/status`, "utf8").catch(() => "");
    at = /^PPid:\s+(\d+)/m.exec(status)?.[1] ?? "";
  }
  return false;
}
