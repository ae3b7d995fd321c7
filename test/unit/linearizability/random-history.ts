import { createRandom } from "../../../scripts/bench/random.ts";
import {
  type Effect,
  type History,
  type Line,
  type Operation,
  sayOf,
  whatItDoes,
} from "../../../scripts/linearizability/history.ts";
import { emitName } from "../../../scripts/linearizability/line-names.ts";

/** An operation with the moment at which it took effect, and the incarnation that it met. */
export interface TrueOperation extends Operation {
  readonly tookEffectAt: number;
  readonly incarnation: number | null;
}

/** A history that a session went through, and the truth behind it. */
export interface TrueHistory extends History {
  readonly operations: readonly TrueOperation[];
}

export interface RandomHistoryOptions {
  readonly seed: number;
  /** Moments at which something happens. */
  readonly moments: number;
  /** How many moments an operation may take before and after it. */
  readonly spread: number;
  /** Of a hundred writes, so many have no known outcome. */
  readonly unknown: number;
  /** Whether runners answer, and readers begin where they were. Default true. */
  readonly isFull?: boolean;
}

interface Run {
  readonly id: string;
  emitted: number;
}

interface Incarnation {
  readonly number: number;
  readonly id: string;
  readonly lines: Line[];
  /** Admitted and not ended, in their order. */
  readonly open: Run[];
  readonly known: Set<string>;
}

const RUN_QUEUE = 2;
const LAST_EVENT = 3;
/** More than any spread: what is over is over. */
export const LONG_AFTER = 1_000;

/** A session that takes one operation at a time, each at a moment between its call and its answer. */
export function randomHistory(options: RandomHistoryOptions): TrueHistory {
  const { isFull = true } = options;
  const random = createRandom(options.seed);
  const operations: TrueOperation[] = [];
  let now: Incarnation | null = null;
  let incarnations = 0;
  let writes = 0;
  /** A write for which the session was made, and which stores nothing in the end. */
  let failing: { readonly name: string; readonly at: number; readonly made: Incarnation } | null =
    null;

  const make = (): Incarnation => {
    incarnations++;
    const id = `log${incarnations}`;
    return { number: incarnations, id, lines: [], open: [], known: new Set() };
  };
  const add = (to: Incarnation, name: string): void => {
    const bytes = 10 + random.integer(20);
    to.lines.push({ name, hash: `${name}@${to.number}.${to.lines.length}`, bytes });
  };

  function took(at: number, effect: Effect, isUnknown = false, since = at): void {
    const before = at - since + random.integer(options.spread * 10) / 10;
    const after = random.integer(options.spread * 10) / 10;
    operations.push({
      client: `c${random.integer(4)}`,
      replica: `${random.integer(3)}`,
      invokedAt: at - before,
      completedAt: isUnknown ? null : at + after,
      tookEffectAt: at,
      incarnation: now?.number ?? null,
      effect: isUnknown ? (whatItDoes(effect) ?? effect) : effect,
    });
  }

  /** A write may come to nothing, or to something that nobody is told. */
  function write(at: number, effect: Effect, act: () => void): void {
    const isUnknown = random.integer(100) < options.unknown;
    if (!isUnknown || random.integer(2) === 0) act();
    took(at, effect, isUnknown);
  }

  function readAt(at: number): void {
    if (now === null) return took(at, { kind: "absent" });
    const { id, lines } = now;
    const skip = isFull && random.integer(3) === 0 ? random.integer(lines.length + 1) : 0;
    const isWhole = random.integer(2) === 0;
    const shown = lines.slice(skip, isWhole ? undefined : skip + random.integer(lines.length + 1));
    const from = lines.slice(0, skip).reduce((sum, { bytes }) => sum + bytes, 0);
    const isNamed = !isFull || from > 0 || !isWhole || random.integer(2) === 0;
    took(at, { kind: "read", log: isNamed ? id : null, from, lines: shown, whole: isWhole });
  }

  function admitAt(at: number): void {
    const known = [...(now?.known ?? [])];
    const run = known.length > 0 && random.integer(3) === 0 ? random.pick(known) : `r${++writes}`;
    if (now?.known.has(run)) return took(at, { kind: "admit", run });
    if (now && now.open.length > RUN_QUEUE) return took(at, { kind: "full", alongside: 0 });
    write(at, { kind: "admit", run }, () => {
      now ??= make();
      now.known.add(run);
      now.open.push({ id: run, emitted: 0 });
      add(now, sayOf(run));
    });
  }

  function emitAt(at: number): void {
    const run = now?.open[0];
    if (!now || !run) return;
    const number = run.emitted++;
    const isLast = number === LAST_EVENT;
    const name = emitName({ run: run.id, post: 1, number, isLast });
    add(now, name);
    if (isLast) now.open.shift();
    // nobody tells a runner, unless it is one that is told in the end
    took(at, { kind: "append", name }, random.integer(2) === 0);
  }

  function ownAt(): void {
    const run = now?.open.at(-1);
    if (!now || !run || run.emitted > 0) return;
    const code = random.pick(["run-not-started", "server-restarted"]);
    now.open.pop();
    add(now, `own RUN_STARTED ${run.id} -`);
    add(now, `own RUN_ERROR ${run.id} ${code}`);
    if (code === "run-not-started") now.known.delete(run.id);
  }

  function goneAt(at: number): void {
    const log = `log${1 + random.integer(incarnations + 1)}`;
    if (Number(log.slice("log".length)) <= incarnations && log !== now?.id)
      took(at, { kind: "gone", log });
  }

  /** A write makes the session, and is refused some moments later. */
  function refuseAt(at: number): void {
    if (failing === null) {
      if (now === null) failing = { name: `meta ${++writes}`, at, made: (now = make()) };
      return;
    }
    const { name, at: since, made } = failing;
    if (now === made && made.lines.length === 0) now = null;
    took(at, { kind: "refused", name }, false, since);
    failing = null;
  }

  const acts: readonly ((at: number) => void)[] = [
    readAt,
    readAt,
    readAt,
    goneAt,
    admitAt,
    ...(isFull ? [emitAt, emitAt, emitAt] : []),
    ownAt,
    (at) => {
      const name = `meta ${++writes}`;
      write(at, { kind: "append", name }, () => add((now ??= make()), name));
    },
    (at) => {
      if (random.integer(2) === 0) return;
      const created = now === null;
      write(at, { kind: "create", created }, () => void (now ??= make()));
    },
    (at) => {
      if (random.integer(4) > 0) return;
      const found = now !== null;
      write(at, { kind: "delete", found }, () => void (now = null));
    },
    refuseAt,
  ];
  for (let moment = 1; moment <= options.moments; moment++) random.pick(acts)(moment);
  if (failing) refuseAt(options.moments);
  readAt(options.moments + LONG_AFTER);
  return { session: "random", runQueue: RUN_QUEUE, operations, refused: [] };
}
