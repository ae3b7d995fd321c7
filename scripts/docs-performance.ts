// Makes docs/performance.md and its plots of what the last benchmark measured.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { RESULTS, type Results } from "./bench/report.ts";
import { performancePage } from "./docs/performance-page.ts";

const DOCS = new URL("../docs/", import.meta.url);
const PLOTS = new URL("performance/", DOCS);

const HELP = `Makes docs/performance.md and the plots in docs/performance/ of docs/bench/results.json.

  npm run bench                 measures, and writes the results
  npm run docs:performance      makes the page`;

const { values } = parseArgs({ options: { help: { type: "boolean", default: false } } });
if (values.help) process.stdout.write(`${HELP}\n`);
else {
  const results: Results = JSON.parse(await readFile(RESULTS, "utf8"));
  const { markdown, plots } = performancePage(results);
  await rm(PLOTS, { recursive: true, force: true });
  await mkdir(PLOTS, { recursive: true });
  for (const [file, svg] of plots) await writeFile(new URL(file, PLOTS), svg);
  await writeFile(new URL("performance.md", DOCS), markdown);
  process.stdout.write(`docs/performance.md and ${plots.size} plots\n`);
}
