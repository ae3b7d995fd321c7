import { type History, type Line, lineOf, type Operation, type Violation } from "./history.ts";
import type { KnownLog } from "./known-logs.ts";
import { type Emitted, emittedBy, runEndedBy, runNotStarted, runSaidBy } from "./line-names.ts";

/** A run as far as a log has told of it. */
interface RunSoFar {
  /** How many events of its runner there were. */
  emitted: number;
  /** Which post of the run they answer. */
  post: number | null;
  ended: boolean;
}

/**
 * What a log keeps whatever the order of operations was: every line is somebody's, none is there twice
 * or was refused; a runner's events come in their order, without gaps, of one post, and end with the
 * run; runs begin in the order in which they were admitted, one at a time, and no more wait than may.
 */
export function brokenLogRule(history: History, logs: readonly KnownLog[]): Violation | null {
  const unique = new Set<string>();
  const refused = new Set(history.refused);
  for (const log of logs) {
    const rules = createRunRules(history.runQueue);
    for (const [index, line] of log.lines.entries()) {
      const what = brokenByLine(line, unique, refused) ?? (rules.take(line.name) || null);
      if (what !== null) return violationAt({ history, log, index, what });
    }
  }
  return null;
}

function brokenByLine({ name }: Line, unique: Set<string>, refused: Set<string>): string | null {
  if (name.startsWith("alien ")) return `the log has a line that nobody sent: ${name}`;
  if (refused.has(name)) return `"${name}" was refused, and is in the log`;
  if (name.startsWith("own ") || name.startsWith("say ")) return null;
  if (unique.has(name)) return `"${name}" is stored twice`;
  unique.add(name);
  return null;
}

/** Runs that a log admits and does not end. */
export function unendedRuns({ lines }: KnownLog): string[] {
  const open = new Set<string>();
  for (const { name } of lines) {
    const said = runSaidBy(name);
    if (said !== null) open.add(said);
    open.delete(runEndedBy(name) ?? "");
  }
  return [...open];
}

interface RunRules {
  /** Takes the next line of the log; tells what is wrong with it, or "". */
  take(name: string): string;
}

function createRunRules(runQueue: number): RunRules {
  // in the order in which they were admitted
  const runs = new Map<string, RunSoFar>();
  const open = new Set<string>();

  function admit(run: string): string {
    if (runs.has(run)) return `${run} was admitted twice`;
    runs.set(run, { emitted: 0, post: null, ended: false });
    open.add(run);
    return open.size > runQueue + 1
      ? `${open.size} runs are open, of ${runQueue + 1} that may be`
      : "";
  }

  function emit({ run, post, number }: Emitted): string {
    const known = runs.get(run);
    if (!known) return `${run} has events and was not admitted`;
    if (known.ended) return `${run} goes on behind its end`;
    const [first] = open;
    if (first !== run) return `${run} began before ${first}, which was admitted first, had ended`;
    known.post ??= post;
    if (known.post !== post) return `${run} has events of two posts to its runner`;
    if (number !== known.emitted)
      return `event ${number} of ${run} comes where its event ${known.emitted} should be`;
    known.emitted++;
    return "";
  }

  function end(run: string): string {
    const known = runs.get(run);
    if (!known) return `${run} ends and was not admitted`;
    if (known.ended) return `${run} ends twice`;
    known.ended = true;
    open.delete(run);
    return "";
  }

  return {
    take(name) {
      const said = runSaidBy(name);
      if (said !== null) return admit(said);
      const emitted = emittedBy(name);
      const ended = runEndedBy(name);
      const what = (emitted && emit(emitted)) || (ended !== null && end(ended)) || "";
      const notStarted = runNotStarted(name);
      if (what !== "" || notStarted === null) return what;
      if (runs.get(notStarted)?.emitted)
        return `${notStarted} was started, and is said not to have been`;
      // posted again it is another run
      runs.delete(notStarted);
      return "";
    },
  };
}

interface BrokenLine {
  readonly history: History;
  readonly log: KnownLog;
  readonly index: number;
  readonly what: string;
}

/** With everything that was done about the run of a line, and the lines that the log has of it. */
function violationAt({ history, log, index, what }: BrokenLine): Violation {
  const name = log.lines[index]?.name ?? "";
  const run = runOf(name);
  const isAbout = (other: string): boolean =>
    other === name || (run !== null && runOf(other) === run);
  const lines = log.lines.flatMap((line, place) =>
    isAbout(line.name) ? [`${log.id} up to ${log.ends[place]}: ${line.name}`] : [],
  );
  const writes = history.operations.filter(({ effect }) => isAbout(lineOf(effect) ?? ""));
  return { what, lines, operations: [...writes, ...readersOf(history, log, index)] };
}

/** The run that a line is of, or null. */
function runOf(name: string): string | null {
  return emittedBy(name)?.run ?? runSaidBy(name) ?? /^own \S+ (\S+) /.exec(name)?.[1] ?? null;
}

/** The read with the fewest lines that shows a line of a log. */
function readersOf({ operations }: History, log: KnownLog, index: number): Operation[] {
  const from = log.ends[index - 1] ?? 0;
  const [first] = operations
    .filter(({ effect }) => {
      if (effect.kind !== "read" || (effect.log !== null && effect.log !== log.id)) return false;
      const isIts = effect.log === log.id || effect.lines[0]?.hash === log.lines[0]?.hash;
      const end = effect.lines.reduce((sum, { bytes }) => sum + bytes, effect.from);
      return isIts && effect.from <= from && end > from;
    })
    .toSorted((a, b) => sizeOf(a) - sizeOf(b));
  return first ? [first] : [];
}

function sizeOf({ effect }: Operation): number {
  return effect.kind === "read" ? effect.lines.length : 0;
}
