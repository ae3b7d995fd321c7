import { CONNECT_COSTS } from "./costs/connect.ts";
import type { Cost, Spent } from "./costs/cost.ts";
import { foreignRunIds } from "./costs/foreign-run-ids.ts";
import { firstList, firstSearch, laterList, searchedList } from "./costs/lists.ts";
import { LARGE_EVENT_COSTS } from "./costs/large-events.ts";
import { markdownOfLongText, markdownOfShortRuns } from "./costs/markdown.ts";
import { POSTED_BODY_COSTS } from "./costs/posted-bodies.ts";
import { SNAPSHOT_COSTS } from "./costs/snapshots.ts";
import { STATE_DELTA_COSTS } from "./costs/state-deltas.ts";
import { transcripts } from "./costs/transcripts.ts";
import { progress } from "./progress.ts";
import { atMost, type Row } from "./row.ts";

/** Whatever was quadratic once, or could become so. */
const COSTS: readonly Cost[] = [
  firstList,
  laterList,
  firstSearch,
  searchedList,
  markdownOfShortRuns,
  markdownOfLongText,
  foreignRunIds,
  transcripts,
  ...CONNECT_COSTS,
  ...SNAPSHOT_COSTS,
  ...LARGE_EVENT_COSTS,
  ...POSTED_BODY_COSTS,
  ...STATE_DELTA_COSTS,
];

const MAX_FACTOR = 2;
/** No request holds the event loop for longer. */
const MAX_HELD_MS = 50;
const MAX_TRIES = 3;
/** Of a small input most of the time is not the work. */
const SLACK_SECONDS = 0.1;
const MEGABYTE = 1_000_000;

/** What grows with its input, and by how much: all that is known, or that has `text` in its name. */
export async function measureCosts(text = ""): Promise<Row[]> {
  const wanted = COSTS.filter(({ name }) => name.includes(text));
  if (wanted.length === 0) throw new TypeError(`no row of growth has "${text}" in its name`);
  const rows: Row[] = [];
  for (const cost of wanted) rows.push(...(await measureCost(cost)));
  return rows;
}

async function measureCost(cost: Cost): Promise<Row[]> {
  const { name: measurement, of, sizes, maxFactor = MAX_FACTOR, maxHeldMs = MAX_HELD_MS } = cost;
  const rows: Row[] = [];
  let first: { readonly size: number; readonly spent: Spent } | null = null;
  for (const count of sizes) {
    const spent = await leastSpent(cost, count, maxHeldMs);
    first ??= { size: count, spent };
    const size = `${count.toLocaleString("en")} ${of}`;
    const limit = (first.spent.seconds + SLACK_SECONDS) * (count / first.size) * maxFactor;
    const ratio = spent.seconds / first.spent.seconds;
    const row = { measurement, size, value: spent.seconds, unit: "s", ratio };
    // the first size is what the others are compared with
    rows.push(count === first.size ? row : atMost(limit, row));
    if (spent.heldMs !== undefined)
      rows.push(
        atMost(maxHeldMs, {
          measurement: `${measurement}, loop held`,
          size,
          value: spent.heldMs,
          unit: "ms",
        }),
      );
    if (spent.firstMs !== undefined)
      rows.push({
        measurement: `${measurement}, first byte`,
        size,
        value: spent.firstMs,
        unit: "ms",
      });
    if (spent.bytes !== undefined)
      rows.push({ measurement, size, value: spent.bytes / MEGABYTE, unit: "MB" });
  }
  return rows;
}

/**
 * Tries again what held the loop for too long: pages of new memory and collections of garbage take several
 * times as long while others use the machine. The try counts that held it for the shortest time.
 */
async function leastSpent(cost: Cost, count: number, maxHeldMs: number): Promise<Spent> {
  let least: Spent | null = null;
  for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
    const spent = await cost.measure(count);
    const { seconds, heldMs = 0 } = spent;
    progress(
      `  ${cost.name}, ${count.toLocaleString("en")} ${cost.of}: ${seconds.toFixed(2)} s, loop held ${heldMs.toFixed(0)} ms`,
    );
    if (least === null || heldMs < (least.heldMs ?? 0)) least = spent;
    if (heldMs <= maxHeldMs) break;
  }
  if (least === null) throw new RangeError("nothing was tried");
  return least;
}
