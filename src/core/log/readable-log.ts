import type { LogStat } from "../../ports/log-store.ts";

/** A log as its readers may see it. */
export interface ReadableLog {
  readonly stat: LogStat;
  /** Where the first visible event begins. */
  readonly from: number;
  /** Malformed lines that are left out of an imported or a damaged log; null for any other. */
  readonly skippedLines: number | null;
}
