import { type History, lineOf, type Operation, type Violation } from "./history.ts";
import { knownLogs } from "./known-logs.ts";
import { emittedBy } from "./line-names.ts";
import { brokenLogRule } from "./log-rules.ts";
import { createSessionModel, NONE, type SessionModel, type SessionState } from "./model.ts";

/** What a history is. */
export type Verdict =
  | { readonly is: "linearisable"; readonly states: number }
  | { readonly is: "undecided"; readonly states: number; readonly why: string }
  | { readonly is: "violation"; readonly states: number; readonly violation: Violation };

export interface CheckLimits {
  /** Default 60 s. */
  readonly timeoutMs?: number;
  /** Memory for the states that are remembered, in characters of their keys. Default 100 Mi. */
  readonly maxChars?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_CHARS = 100 * 1024 * 1024;
/** Looking at the clock costs as much as a step. */
const STEPS_PER_LOOK = 1_024;

/**
 * Whether there is one order of a session's operations, in which each happens at one moment between
 * its call and its answer, that a session by itself could have gone through: the search of Wing and
 * Gong, which remembers what it has seen as Lowe's does. Exact: a violation is one, and only time or
 * memory makes it undecided.
 *
 * Before the search come rules that each log keeps whatever the order was.
 */
export function checkHistory(history: History, limits: CheckLimits = {}): Verdict {
  const known = knownLogs(history);
  if (known.fork) return { is: "violation", states: 0, violation: known.fork };
  const broken = brokenLogRule(history, known.logs);
  if (broken) return { is: "violation", states: 0, violation: broken };
  return search(history, createSessionModel(history, known.logs), limits);
}

interface Choice {
  /** Which operation is placed: index in the list, or in a pool; null for none. */
  readonly index: number | null;
  readonly pool: number | null;
  readonly state: SessionState;
}

interface Frame {
  readonly choices: readonly Choice[];
  readonly before: SessionState;
  next: number;
  taken: Choice | null;
}

/** Operations that were not placed yet, by their call: a list from which they are taken and put back. */
class Unplaced {
  readonly operations: readonly Operation[];
  readonly #next: number[];
  readonly #previous: number[];
  /** How many of them have to be placed. */
  due: number;
  /** The last one that was placed. */
  highest: number[] = [-1];

  constructor(operations: readonly Operation[]) {
    this.operations = operations;
    const { length } = operations;
    // the entry before the first is the last one
    this.#next = Array.from({ length: length + 1 }, (_, at) => (at === length ? 0 : at + 1));
    this.#previous = Array.from({ length: length + 1 }, (_, at) => (at === 0 ? length : at - 1));
    this.due = operations.filter(({ completedAt }) => completedAt !== null).length;
  }

  place(index: number): void {
    this.#link(this.#previous[index] ?? 0, this.#next[index] ?? 0);
    if (this.operations[index]?.completedAt !== null) this.due--;
    this.highest.push(Math.max(index, this.highest.at(-1) ?? -1));
  }

  putBack(index: number): void {
    this.#next[this.#previous[index] ?? 0] = index;
    this.#previous[this.#next[index] ?? 0] = index;
    if (this.operations[index]?.completedAt !== null) this.due++;
    this.highest.pop();
  }

  #link(before: number, after: number): void {
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  /** Those that may come next: none that has to be placed was answered before their call. */
  candidates(): { readonly indices: number[]; readonly untilMs: number } {
    const indices: number[] = [];
    let untilMs = Number.POSITIVE_INFINITY;
    const end = this.operations.length;
    for (let at = this.#next[end] ?? end; at !== end; at = this.#next[at] ?? end) {
      const operation = this.operations[at];
      if (!operation || operation.invokedAt > untilMs) break;
      untilMs = Math.min(untilMs, operation.completedAt ?? Number.POSITIVE_INFINITY);
      indices.push(at);
    }
    return { indices, untilMs };
  }

  /** Which ones were placed, in few characters. */
  key(): string {
    const highest = this.highest.at(-1) ?? -1;
    const end = this.operations.length;
    let key = String(highest);
    for (let at = this.#next[end] ?? end; at < highest; at = this.#next[at] ?? end) key += `,${at}`;
    return key;
  }
}

/**
 * Of the operations whose outcome is unknown, those that leave no trace that can be told apart: a session is
 * made, made by a line that nobody read, or deleted. Of each kind the earliest is as good as any.
 */
function poolOf({ effect, completedAt }: Operation, model: SessionModel): number | null {
  if (completedAt !== null) return null;
  if (effect.kind === "create") return 0;
  if (effect.kind === "delete") return 1;
  const line = lineOf(effect);
  return line !== null && !model.wasRead(line) ? UNREAD_LINES : null;
}

const UNREAD_LINES = 2;
const POOLS = 3;

function search({ operations }: History, model: SessionModel, limits: CheckLimits): Verdict {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxChars = DEFAULT_MAX_CHARS } = limits;
  const byCall = operations
    .filter((operation) => !isWithoutTrace(operation, model))
    .toSorted((a, b) => a.invokedAt - b.invokedAt);
  const pools = Array.from({ length: POOLS }, (_, pool) =>
    byCall.filter((operation) => poolOf(operation, model) === pool),
  );
  const used = pools.map(() => 0);
  const list = new Unplaced(byCall.filter((operation) => poolOf(operation, model) === null));
  const seen = new Set<string>();
  let chars = 0;
  const deadlineMs = performance.now() + timeoutMs;
  let state = model.initial;
  let fewestDue = list.due;
  let stuck = list.candidates().indices;

  function choices(): Choice[] {
    const { indices, untilMs } = list.candidates();
    const found: Choice[] = [];
    const byAnswer = indices.toSorted(
      (a, b) => answerOf(list.operations[a]) - answerOf(list.operations[b]),
    );
    for (const index of byAnswer) {
      const operation = list.operations[index];
      if (!operation) continue;
      // it is over only when something has to come that was called after it
      if (operation.effect.kind === "refused") {
        if (operation.completedAt === untilMs) found.push({ index, pool: null, state });
        continue;
      }
      for (const next of model.after(operation, state)) {
        // what changes nothing can come first: no order is lost
        if (next === state && lineOf(operation.effect) === null)
          return [{ index, pool: null, state }];
        // and what need not have happened, and changes nothing, need not be placed
        if (next !== state || operation.completedAt !== null)
          found.push({ index, pool: null, state: next });
      }
    }
    // a write makes the session before it adds its line, and takes it back if that fails
    const unread = pools[UNREAD_LINES]?.[used[UNREAD_LINES] ?? 0];
    const writing = [...indices.map((index) => list.operations[index]), inTime(unread, untilMs)];
    const meanwhile = writing.some(isWrite) ? model.duringWrite(state) : null;
    if (meanwhile) found.push({ index: null, pool: null, state: meanwhile });
    pools.forEach((pool, number) => {
      const index = used[number] ?? 0;
      const operation = pool[index];
      if (!operation || operation.invokedAt > untilMs) return;
      // a line that nobody read makes a difference only where it makes the session
      if (number === UNREAD_LINES && state.log !== NONE) return;
      for (const next of model.after(operation, state))
        found.push({ index, pool: number, state: next });
    });
    return found;
  }

  function take({ index, pool, state: next }: Choice): void {
    if (index !== null && pool === null) list.place(index);
    if (index !== null && pool !== null) used[pool] = index + 1;
    state = next;
  }

  function undo({ index, pool }: Choice, before: SessionState): void {
    if (index !== null && pool === null) list.putBack(index);
    if (index !== null && pool !== null) used[pool] = index;
    state = before;
  }

  const frames: Frame[] = [{ choices: choices(), before: state, next: 0, taken: null }];
  for (let steps = 1; ; steps++) {
    if (list.due === 0) return { is: "linearisable", states: seen.size };
    if (chars > maxChars)
      return {
        is: "undecided",
        states: seen.size,
        why: `${seen.size} states take too much memory`,
      };
    if (steps % STEPS_PER_LOOK === 1 && performance.now() > deadlineMs)
      return { is: "undecided", states: seen.size, why: `more than ${timeoutMs} ms` };
    const frame = frames.at(-1);
    if (!frame) break;
    if (frame.taken) undo(frame.taken, frame.before);
    const choice = frame.choices[frame.next++];
    frame.taken = choice ?? null;
    if (!choice) {
      frames.pop();
      continue;
    }
    take(choice);
    const { log, at, beyond, used: logs, isTentative } = state;
    const key = `${log} ${at} ${beyond} ${logs} ${isTentative} ${used.join()} ${list.key()}`;
    if (seen.has(key)) continue;
    seen.add(key);
    chars += key.length;
    frames.push({ choices: choices(), before: state, next: 0, taken: null });
    if (list.due >= fewestDue) continue;
    fewestDue = list.due;
    stuck = list.candidates().indices;
  }
  const last = stuck.flatMap((index) => list.operations[index] ?? []);
  return {
    is: "violation",
    states: seen.size,
    violation: {
      what: "there is no order of the operations that one log could have gone through",
      operations: last.filter(({ completedAt }) => completedAt !== null),
    },
  };
}

function inTime(operation: Operation | undefined, untilMs: number): Operation | undefined {
  return operation && operation.invokedAt <= untilMs ? operation : undefined;
}

/** Whether an operation adds a line, or was meant to, and is no runner's: those have a session. */
function isWrite(operation: Operation | undefined): boolean {
  if (!operation) return false;
  const { effect } = operation;
  const line = effect.kind === "refused" ? effect.name : lineOf(effect);
  return line !== null && emittedBy(line) === null;
}

/** Whether it makes no difference if an operation was done: an event of a runner that nobody read makes no session. */
function isWithoutTrace({ effect, completedAt }: Operation, model: SessionModel): boolean {
  const line = lineOf(effect);
  return completedAt === null && line !== null && emittedBy(line) !== null && !model.wasRead(line);
}

function answerOf(operation: Operation | undefined): number {
  return operation?.completedAt ?? Number.POSITIVE_INFINITY;
}
