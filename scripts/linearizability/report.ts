import { formatCounts, formatLines } from "../soak/report.ts";
import { type CheckedSession, isViolation, type RunResult } from "./run.ts";

/** What a run comes to, as a table. */
export function formatResult({ sessions, faults, calls, violations }: RunResult): string {
  const operations = sessions.flatMap(({ history }) => history.operations);
  const effects = countBy(operations, ({ effect }) => effect.kind);
  const unknown = operations.filter(
    ({ completedAt, client }) => completedAt === null && client !== "runner",
  ).length;
  const lines = sessions.reduce((sum, { history }) => sum + longestRead(history.operations), 0);
  const checkMs = sessions.map((one) => one.checkMs);
  const total = checkMs.reduce((sum, ms) => sum + ms, 0);
  const states = Math.max(0, ...sessions.map(({ verdict }) => verdict.states));
  const undecided = sessions.filter(({ verdict }) => verdict.is === "undecided").length;
  const bad = sessions.filter(isViolation).length + violations.length;
  return formatLines([
    ["sessions", sessions.length.toLocaleString("en")],
    ["operations", `${operations.length.toLocaleString("en")}: ${formatCounts(effects)}`],
    ["  with unknown outcome", unknown.toLocaleString("en")],
    ["lines of the last logs", lines.toLocaleString("en")],
    ["calls", formatCounts(sorted(calls))],
    ["faults", formatCounts(countBy(faults, ({ kind }) => kind)) || "none"],
    [
      "checking",
      `${Math.round(total).toLocaleString("en")} ms, at most ${Math.round(Math.max(0, ...checkMs))} ms and ${states.toLocaleString("en")} states a session`,
    ],
    ["verdict", verdictOf(bad, undecided)],
  ]);
}

function verdictOf(bad: number, undecided: number): string {
  const doubt = undecided > 0 ? `, ${undecided} sessions UNDECIDED` : "";
  return `${bad === 0 ? "no violation" : `${bad} VIOLATIONS`}${doubt}`;
}

function longestRead(operations: CheckedSession["history"]["operations"]): number {
  return operations.reduce(
    (most, { effect }) => (effect.kind === "read" ? Math.max(most, effect.lines.length) : most),
    0,
  );
}

function countBy<T>(items: readonly T[], nameOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[nameOf(item)] = (counts[nameOf(item)] ?? 0) + 1;
  return sorted(counts);
}

function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
