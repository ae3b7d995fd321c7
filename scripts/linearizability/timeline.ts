import { type Effect, endOf, type Operation } from "./history.ts";

const WIDTH = 48;
/** Of what a read found, so many lines at its end are named. */
const NAMED_LINES = 4;
/** Earlier than any clock: of such an operation it was forgotten when it was. */
const AT_ANY_TIME = -1e12;

/**
 * Operations for people: a line each, below the name of whoever did it, with a bar from its call to its
 * answer. A bar without an end is one whose outcome nobody knows.
 */
export function formatTimeline(all: readonly Operation[]): string {
  const operations = all.filter(({ invokedAt }) => invokedAt > AT_ANY_TIME);
  const times = operations.flatMap(({ invokedAt, completedAt }) => [
    invokedAt,
    completedAt ?? invokedAt,
  ]);
  const start = Math.min(...times);
  const msPerCharacter = Math.max((Math.max(...times) - start) / (WIDTH - 1), 1e-9);
  const column = (timeMs: number): number => Math.round((timeMs - start) / msPerCharacter);
  const rows: string[] = [];
  for (const client of [...new Set(operations.map((one) => one.client))].toSorted()) {
    rows.push(`${client}:`);
    const own = operations.filter((one) => one.client === client);
    for (const one of own.toSorted((a, b) => a.invokedAt - b.invokedAt)) {
      const from = column(one.invokedAt);
      const to = one.completedAt === null ? WIDTH : Math.max(column(one.completedAt), from);
      const end = one.completedAt === null ? "…" : to > from ? "]" : "";
      const bar = `${" ".repeat(from)}[${"=".repeat(Math.max(to - from - 1, 0))}${end}`;
      rows.push(
        `  ${bar.padEnd(WIDTH + 2)} ${timesOf(one, start)} on ${one.replica}: ${describeEffect(one.effect)}`,
      );
    }
  }
  const forgotten = all.length - operations.length;
  if (forgotten > 0) rows.push(`(and ${forgotten} other writes, each at any time or not at all)`);
  return rows.join("\n");
}

function timesOf({ invokedAt, completedAt }: Operation, start: number): string {
  const ms = (time: number): string => (time - start).toFixed(1);
  return `${ms(invokedAt)} to ${completedAt === null ? "?" : ms(completedAt)} ms`;
}

/** What an operation did, in words. */
function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case "append":
      return `append "${effect.name}"`;
    case "admit":
      return `post run ${effect.run}`;
    case "refused":
      return `"${effect.name}" is refused`;
    case "full":
      return "post a run: too many wait";
    case "create":
      return effect.created ? "create the session" : "create the session: it exists";
    case "delete":
      return effect.found ? "delete the session" : "delete the session: there is none";
    case "absent":
      return "read: there is no session";
    case "gone":
      return `resume in log ${effect.log}: it is another one`;
    default: {
      const { log, from, lines, whole } = effect;
      const names = lines.slice(-NAMED_LINES).map(({ name }) => name);
      if (names.length < lines.length) names.unshift(`${lines.length - names.length} lines`);
      const where = `log ${log ?? "?"} from ${from} to ${endOf(effect)}`;
      return `read ${where}${whole ? ", its end" : ""}: ${names.join(", ") || "nothing"}`;
    }
  }
}
