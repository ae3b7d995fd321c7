import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { formatNumber, type Row } from "./row.ts";
import { startCommand } from "./server-process.ts";

/** What `npm run bench` leaves behind: the rows, and what they were measured on. */
export interface Results {
  /** ISO 8601. */
  readonly date: string;
  readonly node: string;
  readonly startCommand: string;
  readonly cpu: { readonly model: string; readonly count: number };
  readonly memoryGiB: number;
  readonly rows: readonly Row[];
}

export const RESULTS: URL = new URL("../../docs/bench/results.json", import.meta.url);
const SIGNIFICANT_DIGITS = 6;
const GIBIBYTE = 1024 ** 3;
const COLUMNS = ["measurement", "size", "value", "bare pipe", "ratio", "limit", "ok"] as const;

/** The rows as a plain-text table. */
export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map(toCells);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  return [COLUMNS, widths.map((width) => "-".repeat(width)), ...cells]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function toCells(row: Row): readonly string[] {
  const { measurement, size, value, unit, barePipe, ratio, limit, ok, note } = row;
  return [
    measurement,
    size,
    value === null ? (note ?? "") : `${formatNumber(value)} ${unit}`,
    barePipe === undefined ? "" : `${formatNumber(barePipe)} ${unit}`,
    ratio === undefined ? "" : `${formatNumber(ratio)}x`,
    limit ?? "",
    ok === undefined ? "" : ok ? "ok" : "MISSED",
  ];
}

/** Writes `docs/bench/results.json`: the rows, and what they were measured on. */
export async function writeResults(rows: readonly Row[]): Promise<void> {
  const processors = cpus();
  const results: Results = {
    date: new Date().toISOString(),
    node: process.version,
    startCommand: await startCommand(),
    cpu: { model: processors[0]?.model ?? "unknown", count: processors.length },
    memoryGiB: Math.round(totalmem() / GIBIBYTE),
    rows,
  };
  await mkdir(new URL("./", RESULTS), { recursive: true });
  await writeFile(RESULTS, `${JSON.stringify(results, readable, 2)}\n`);
}

function readable(_key: string, value: unknown): unknown {
  // a count is worth all its digits
  if (Number.isInteger(value)) return value;
  return typeof value === "number" ? Number(value.toPrecision(SIGNIFICANT_DIGITS)) : value;
}
