import { once } from "node:events";
import { type Column, tableText } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";

/** Writes to standard output, and waits while it takes no more. */
export async function write(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** Rows as a table, or as objects for programs, one a line. */
export async function writeRows<T>(
  items: readonly T[],
  { json, columns, row }: RowsOptions<T>,
): Promise<void> {
  if (json) return write(items.map((item) => `${JSON.stringify(item)}\n`).join(""));
  if (items.length > 0) await write(tableText(columns, items.map(row), process.stdout));
}

export interface RowsOptions<T> {
  readonly json: boolean;
  readonly columns: readonly Column[];
  readonly row: (item: T) => readonly string[];
}

/** Text of several lines: on a terminal without what moves its cursor. */
export function forOutput(text: string): string {
  return process.stdout.isTTY ? visible(text, { keepLines: true }) : text;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, on a terminal: `12s`, `5m`, `3h`, `8d`; for programs the time itself. */
export function timeText(iso: string | null | undefined, nowMs: number = Date.now()): string {
  if (!iso) return "-";
  const ms = nowMs - Date.parse(iso);
  if (!process.stdout.isTTY || !Number.isFinite(ms)) return iso;
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / 1_000))}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  return ms < 2 * DAY ? `${Math.floor(ms / HOUR)}h` : `${Math.floor(ms / DAY)}d`;
}
