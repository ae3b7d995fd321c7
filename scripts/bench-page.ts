// Measures what the inspector asks of a browser: bytes that it loads, and how soon it is there. `--check` fails above the budgets.
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { parseConfig } from "../src/config.ts";
import { start } from "../src/entry/node.ts";
import { startBrowser } from "../test/support/chromium.ts";

const ASSETS = fileURLToPath(new URL("../dist/ui/assets/", import.meta.url));
const ROUNDS = 9;
/** In KiB of gzip, and in ms on loopback, the middle of the rounds. */
const BUDGETS = {
  "script and style, gzip KiB": 200,
  "first paint ms": 1_000,
  "list shown ms": 1_500,
};

type Measured = Record<keyof typeof BUDGETS, number>;

async function loadedKiB(): Promise<number> {
  const files = await readdir(ASSETS);
  const sizes = files.map(async (file) => gzipSync(await readFile(ASSETS + file)).length);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1024;
}

/** Of a browser that has nothing of the page yet: when it first painted, and when the list was there. */
async function open(
  browser: Browser,
  url: string,
): Promise<readonly [paint: number, list: number]> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.getByText("There is no session in this project yet").waitFor();
  const times = await page.evaluate(() => {
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return [paint?.startTime ?? Number.NaN, performance.now()] as const;
  });
  await context.close();
  return times;
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const server = await start(parseConfig({ STORAGE_URL: "memory:", PORT: "0", RUNLOG_DRAIN: "1s" }));
const browser = await startBrowser();
const rounds: (readonly [number, number])[] = [];
for (let round = 0; round < ROUNDS; round++) rounds.push(await open(browser, server.url));
await browser.close();
await server.close();

const measured: Measured = {
  "script and style, gzip KiB": await loadedKiB(),
  "first paint ms": middle(rounds.map(([paint]) => paint)),
  "list shown ms": middle(rounds.map(([, list]) => list)),
};
for (const [name, budget] of Object.entries(BUDGETS)) {
  const value = Object.entries(measured).find(([key]) => key === name)?.[1] ?? Number.NaN;
  const isOver = !(value <= budget);
  process.stdout.write(
    `${name}: ${value.toFixed(1)} (at most ${budget})${isOver ? " OVER" : ""}\n`,
  );
  if (isOver && values.check) process.exitCode = 1;
}
process.exit();
