import { checkHistory } from "./check.ts";
import type { DoneFault } from "./faults.ts";
import type { History, Operation, Violation } from "./history.ts";
import { smallestViolation } from "./shrink.ts";
import { formatTimeline } from "./timeline.ts";

/** Faults that go on shortly before, too. */
const BEFORE_MS = 5_000;

/**
 * A violation for people: what is wrong, the lines that show it or else the smallest part of the history
 * that is none of a linearisable log, and what was done to replicas meanwhile.
 */
export function describeViolation(
  history: History,
  violation: Violation,
  faults: readonly DoneFault[],
): string {
  const { what, lines = [] } = violation;
  const operations = lines.length > 0 ? violation.operations : smallestPart(history);
  const text = [`  ${what}`, ...lines.map((line) => `  ${line}`), formatTimeline(operations)];
  const times = operations.map(({ invokedAt }) => invokedAt).filter((time) => time >= 0);
  const [from, until] = [Math.min(...times), Math.max(...times)];
  const meanwhile = faults.filter(
    ({ fromMs, untilMs }) => untilMs > from - BEFORE_MS && fromMs < until,
  );
  for (const { kind, replica, fromMs, untilMs } of meanwhile)
    text.push(
      `  ${kind} of ${replica} from ${(fromMs - from).toFixed(0)} to ${(untilMs - from).toFixed(0)} ms`,
    );
  return text.join("\n");
}

function smallestPart(history: History): readonly Operation[] {
  const smallest = smallestViolation(history);
  return checkHistory(smallest).is === "violation" ? smallest.operations : history.operations;
}
