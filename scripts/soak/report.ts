import { formatNumber, median } from "../bench/row.ts";
import type { Sample } from "./kept-server.ts";

const MEBIBYTE = 1024 * 1024;
const CURVE_POINTS = 20;

/** Lines of a name and a value, as a table. */
export function formatLines(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

export function mebibytes(bytes: number): string {
  return `${formatNumber(bytes / MEBIBYTE)} MiB`;
}

/** Resident memory over time: the highest value in each of some equal parts, in MiB. */
export function memoryCurve(samples: readonly Sample[]): string {
  const size = Math.max(1, Math.ceil(samples.length / CURVE_POINTS));
  const points: string[] = [];
  for (let at = 0; at < samples.length; at += size) {
    const highest = Math.max(...samples.slice(at, at + size).map((one) => one.residentBytes));
    points.push(String(Math.round(highest / MEBIBYTE)));
  }
  return `${points.join(" ")} MiB`;
}

/** What the event loop's delays of each second (their p99) come to. */
export function loopDelays(samples: readonly Sample[]): string {
  const delays = samples.map(({ loopP99Ms }) => loopP99Ms);
  const worst = delays.reduce((most, delay) => Math.max(most, delay), 0);
  return `p99 a second: median ${formatNumber(median(delays))} ms, highest ${formatNumber(worst)} ms`;
}

/** Counts as `name: 5, other: 3`. */
export function formatCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name}: ${count.toLocaleString("en")}`)
    .join(", ");
}
