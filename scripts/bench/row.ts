/** One line of the result. */
export interface Row {
  readonly measurement: string;
  /** Of the log, or of the load: "500 MB", "500 viewers". */
  readonly size: string;
  /** Null if there is none: the note says why. */
  readonly value: number | null;
  readonly unit: string;
  /** The same through a bare pipe, in the same unit. */
  readonly barePipe?: number;
  /** `value / barePipe`, or of the larger size to the smaller. */
  readonly ratio?: number;
  /** The line to meet, as text. Without one the row only informs. */
  readonly limit?: string;
  /** Whether the line is met. */
  readonly ok?: boolean;
  /** What went wrong. */
  readonly note?: string;
}

type Measured = Omit<Row, "limit" | "ok" | "value"> & { readonly value: number };

/** The middle value; of two middle ones the greater. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A row whose value must not be above `limit`. */
export function atMost(limit: number, row: Measured): Row {
  return { ...row, limit: `<= ${formatNumber(limit)} ${row.unit}`, ok: row.value <= limit };
}

/** A row whose ratio must not be above `limit`. */
export function ratioAtMost(limit: number, row: Measured & { readonly ratio: number }): Row {
  return { ...row, limit: `<= ${limit}x`, ok: row.ratio <= limit };
}

/** A number with as many decimals as are worth reading. */
export function formatNumber(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** A row for a measurement that failed. */
export function failedRow(measurement: string, error: unknown): Row {
  const [note = ""] = String(error).split("\n");
  return { measurement, size: "-", value: null, unit: "", ok: false, note };
}
