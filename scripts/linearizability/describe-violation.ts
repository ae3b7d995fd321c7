import { checkHistory } from "./check.ts";
import type { DoneFault } from "./faults.ts";
import type { History, Operation, Violation } from "./history.ts";
import { smallestViolation } from "./shrink.ts";
import { formatTimeline } from "./timeline.ts";

/** Faults that go on shortly before, too. */
const BEFORE_MS = 5_000;
/** A part with more operations than this is not read by anybody. */
const READABLE = 40;
const NEARBY_MS = 300;

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
  const operations = lines.length > 0 ? violation.operations : readablePart(history, violation);
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

/** The smallest part that is a violation, or, where that is long, what went on where no order goes on. */
function readablePart(history: History, violation: Violation): readonly Operation[] {
  const smallest = smallestViolation(history);
  const isOne = checkHistory(smallest).is === "violation";
  const kept = smallest.operations.filter((one) => history.operations.includes(one));
  return isOne && kept.length <= READABLE ? smallest.operations : nearby(history, violation);
}

/** What was under way shortly before the operations that no order can be found for, or beside them. */
function nearby(history: History, { operations }: Violation): readonly Operation[] {
  const from = Math.min(...operations.map(({ invokedAt }) => invokedAt)) - NEARBY_MS;
  const until = Math.max(...operations.map((one) => one.completedAt ?? one.invokedAt));
  return history.operations.filter(
    ({ client, invokedAt, completedAt }) =>
      client !== "runner" &&
      invokedAt <= until &&
      (completedAt === null ? invokedAt >= from - BEFORE_MS : completedAt >= from),
  );
}
