import type { LogSession } from "./data-dir.ts";
import { atMost, type Row } from "./row.ts";

/** What a time that must not depend on the log's length may grow by. */
const FACTOR = 3;
const SLACK_MS = 10;

/** Whether a time stays flat from the smallest log to the largest. Nothing for a single log. */
export function growthRow(
  measurement: string,
  times: readonly { readonly session: LogSession; readonly ms: number }[],
): Row[] {
  const [smallest] = times;
  const largest = times.at(-1);
  if (smallest === undefined || largest === undefined || smallest === largest) return [];
  const size = `${smallest.session.log.megabytes} -> ${largest.session.log.megabytes} MB`;
  const ratio = largest.ms / smallest.ms;
  return [
    atMost(FACTOR * smallest.ms + SLACK_MS, {
      measurement,
      size,
      value: largest.ms,
      unit: "ms",
      ratio,
    }),
  ];
}
