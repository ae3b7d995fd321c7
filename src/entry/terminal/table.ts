import { styleText } from "node:util";
import { fitTo, textWidth } from "./text-width.ts";
import { visible } from "./visible.ts";

export interface Column {
  readonly head: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** Whether its cells are cut where a line would be too long. */
  readonly mayBeCut?: boolean;
}

/** What a table is written to. */
export interface TableOutput {
  readonly isTTY: boolean;
  /** Its width; undefined or 0 where that is not known. */
  readonly columns?: number | undefined;
}

const GAP = "  ";
/** A column that may be cut keeps so much of its cells. */
const LEAST_WIDTH = 8;
const DEFAULT_WIDTH = 80;

/**
 * Rows as text: on a terminal aligned, below a head, and no wider than it; else a line a row, its cells separated by tabs, for
 * programs. What a terminal would act on is escaped, in both.
 */
export function tableText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { isTTY, columns: width }: TableOutput,
): string {
  const cells = rows.map((row) => row.map((cell) => visible(cell)));
  if (!isTTY) return cells.map((row) => `${row.join("\t")}\n`).join("");
  const widths = fitted(columns, cells, width || DEFAULT_WIDTH);
  const head = lineOf(
    columns,
    columns.map((column) => column.head),
    widths,
  );
  const lines = cells.map((row) => `${lineOf(columns, row, widths)}\n`);
  return `${styleText("bold", head, { stream: process.stdout })}\n${lines.join("")}`;
}

function lineOf(
  columns: readonly Column[],
  row: readonly string[],
  widths: readonly number[],
): string {
  const cells = columns.map(({ isNumber = false }, at) => {
    const cell = fitTo(row[at] ?? "", widths[at] ?? 0);
    const space = " ".repeat(Math.max(0, (widths[at] ?? 0) - textWidth(cell)));
    return isNumber ? space + cell : cell + space;
  });
  return cells.join(GAP).trimEnd();
}

/** The widths of the columns: of their widest cells, less where a line would be longer than `most`. */
function fitted(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  most: number,
): readonly number[] {
  const widths = columns.map(({ head }, at) =>
    rows.reduce((widest, row) => Math.max(widest, textWidth(row[at] ?? "")), textWidth(head)),
  );
  let over = widths.reduce((sum, each) => sum + each, GAP.length * (columns.length - 1)) - most;
  // the last column gives way first
  for (let at = columns.length - 1; at >= 0 && over > 0; at--) {
    const width = widths[at] ?? 0;
    if (!columns[at]?.mayBeCut) continue;
    widths[at] = Math.max(Math.min(width, LEAST_WIDTH), width - over);
    over -= width - (widths[at] ?? 0);
  }
  return widths;
}
