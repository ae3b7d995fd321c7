import { endOf, type History, lineOf, type Operation, type ReadEffect, sayOf } from "./history.ts";
import { runEndedBy, runNotStarted, runSaidBy } from "./line-names.ts";
import { indexAt, type KnownLog, logOf } from "./known-logs.ts";

/**
 * The session as one sequence of operations leaves it. What its log holds need not be kept: it is the
 * first `at` lines of a log that is known from the reads, and perhaps lines that nobody read.
 */
export interface SessionState {
  /** The incarnation: the index of a known log, or one of the values below. */
  readonly log: number;
  /** How many lines of the known log there are. */
  readonly at: number;
  /** 0, or an offset beyond what is known which the log has reached at least. */
  readonly beyond: number;
  /** A bit for each known log that there was already, this one included. */
  readonly used: bigint;
  /** Whether it was made for something that has not been stored: if that is refused it is gone again. */
  readonly isTentative: boolean;
}

/** There is no session. */
export const NONE = -1;
/** There is one, empty, and it may be any known log that there was not yet. */
const FRESH = -2;
/** There is one whose lines nobody read. */
const UNREAD = -3;

/** What each operation may do to a session, as PROTOCOL.md has it. */
export interface SessionModel {
  readonly initial: SessionState;
  /**
   * The states after an operation in `state`, best first; none where it cannot happen there, the
   * same object where it changes nothing.
   */
  after(operation: Operation, state: SessionState): readonly SessionState[];
  /**
   * The state while a write is under way that would make the session, or that might: there is an empty one
   * where there was none, or the one that was made for a write is gone again. Null: neither can be.
   */
  duringWrite(state: SessionState): SessionState | null;
  /** Whether a line of this name was read. */
  wasRead(name: string): boolean;
}

/** What is precomputed of a known log. */
interface Plan {
  readonly known: KnownLog;
  readonly index: number;
  readonly bit: bigint;
  /** For each index the first line from there on that only an operation of the history can add. */
  readonly nextOwned: readonly number[];
  /** Where the lines of a name are. */
  readonly places: ReadonlyMap<string, readonly number[]>;
  /** Where a run is said not to have been started. */
  readonly notStarted: ReadonlyMap<string, readonly number[]>;
  /** How many admitted runs had no terminal, after so many lines. */
  readonly open: readonly number[];
}

const NOWHERE: readonly number[] = [];
const NEVER: readonly SessionState[] = [];

/**
 * Lines that are no operation's, which the server adds by itself, come when they are needed and no
 * earlier: that loses no order of operations, since they constrain none.
 */
export function createSessionModel(history: History, logs: readonly KnownLog[]): SessionModel {
  const owned = new Set(history.operations.map(({ effect }) => lineOf(effect)));
  const plans = logs.map((known, index) => planOf(known, index, owned));
  const byId = new Map(plans.map((plan) => [plan.known.id, plan]));
  const everywhere = new Set(plans.flatMap(({ places }) => [...places.keys()]));

  const current = ({ log }: SessionState): Plan | undefined => plans[log];
  const isUnused = (plan: Plan, { used }: SessionState): boolean => (used & plan.bit) === 0n;

  /** The state in which the log is `plan`'s and has `at` lines, if only the server's are missing. */
  function reach(plan: Plan, state: SessionState, at: number, beyond = 0): readonly SessionState[] {
    const here = state.log === plan.index;
    if (!here && !(mayBecome(state, plan) && isUnused(plan, state))) return NEVER;
    const from = here ? state.at : 0;
    if (state.beyond > beyond) return NEVER;
    if (at < from || (plan.nextOwned[from] ?? 0) < at) return NEVER;
    if (here && at === from && beyond === state.beyond) return [state];
    const isTentative = state.isTentative && at === 0 && beyond === 0;
    return [{ log: plan.index, at, beyond, used: state.used | plan.bit, isTentative }];
  }

  /** Whether what there is may turn out to be this log. */
  function mayBecome({ log }: SessionState, { known }: Plan): boolean {
    return log === FRESH || (log === UNREAD && known.lines.length === 0);
  }

  /** As `reach`, with the operation's own line behind the server's. */
  function add(plan: Plan, state: SessionState, place: number): readonly SessionState[] {
    const [before] =
      state.log === NONE ? reach(plan, { ...state, log: FRESH }, place) : reach(plan, state, place);
    if (!before || before.beyond > 0) return NEVER;
    return [{ ...before, at: place + 1, isTentative: false }];
  }

  /** Behind everything that anybody read of the log. */
  function addUnread(state: SessionState): readonly SessionState[] {
    const plan = current(state);
    if (!plan) return [{ log: UNREAD, at: 0, beyond: 1, used: state.used, isTentative: false }];
    if (state.beyond > endOfKnown(plan)) return [state];
    return reach(
      plan,
      state,
      plan.known.lines.length,
      Math.max(state.beyond, endOfKnown(plan) + 1),
    );
  }

  function append(name: string, state: SessionState): readonly SessionState[] {
    const found: SessionState[] = [];
    for (const plan of state.log >= 0 ? [current(state)] : plans)
      for (const place of plan?.places.get(name) ?? NOWHERE)
        if (plan) found.push(...add(plan, state, place));
    return everywhere.has(name) ? found : addUnread(state);
  }

  function admit(run: string, state: SessionState, isCertain: boolean): readonly SessionState[] {
    const name = sayOf(run);
    const plan = current(state);
    const isKnown = plan !== undefined && state.beyond === 0 && knows(plan, run, state.at);
    if (isKnown && isCertain) return [state, ...append(name, state)];
    const found = append(name, state);
    if (!everywhere.has(name)) return found;
    // the same run may have been posted to an incarnation that nobody read so far
    return isCertain || state.log === NONE ? [...found, ...addUnread(state)] : found;
  }

  function read(effect: ReadEffect, state: SessionState): readonly SessionState[] {
    const id = logOf(effect, logs);
    if (id === null) {
      // of a log of which no more is known there is nothing to hold it against
      if (effect.lines.length > 0) return [state];
      const isEmpty =
        state.log === FRESH || (state.log >= 0 && state.at === 0 && state.beyond === 0);
      return isEmpty ? [state] : NEVER;
    }
    const plan = byId.get(id);
    if (!plan) return NEVER;
    const end = endOf(effect);
    const known = endOfKnown(plan);
    if (effect.from <= known && indexAt(plan.known, effect.from) === null) return NEVER;
    if (end > known) {
      const isThere = state.log === plan.index && state.at === plan.known.lines.length;
      if (!effect.whole && isThere && state.beyond >= end) return [state];
      return reach(
        plan,
        state,
        plan.known.lines.length,
        Math.max(end, effect.whole ? 0 : state.beyond),
      );
    }
    const at = indexAt(plan.known, end);
    if (at === null) return NEVER;
    if (!effect.whole && state.log === plan.index && state.at >= at) return [state];
    return reach(plan, state, at, effect.whole ? 0 : state.beyond);
  }

  function full(alongside: number, state: SessionState): readonly SessionState[] {
    const plan = current(state);
    const isKnown = plan !== undefined && state.beyond === 0;
    const open = isKnown
      ? (plan.open[state.at] ?? 0)
      : state.log === NONE || state.log === FRESH
        ? 0
        : Infinity;
    return open + alongside >= history.runQueue ? [state] : NEVER;
  }

  return {
    initial: absent({ used: 0n }),
    duringWrite(state) {
      if (state.log === NONE) return { ...opened(state), isTentative: true };
      return state.isTentative ? absent(state) : null;
    },
    wasRead: (name) => everywhere.has(name),
    after({ effect, completedAt }, state) {
      const exists = state.log !== NONE;
      switch (effect.kind) {
        case "append":
          return append(effect.name, state);
        case "admit":
          return admit(effect.run, state, completedAt !== null);
        case "full":
          return full(effect.alongside, state);
        case "create":
          if (effect.created) return exists ? NEVER : [opened(state)];
          return exists ? [state] : NEVER;
        case "delete":
          if (!effect.found) return exists ? NEVER : [state];
          return exists ? [absent(state)] : NEVER;
        case "refused":
          return [state];
        case "absent":
          return exists ? NEVER : [state];
        case "gone": {
          const plan = byId.get(effect.log);
          return !plan || (plan.index !== state.log && !isUnused(plan, state)) ? [state] : NEVER;
        }
        default:
          return read(effect, state);
      }
    },
  };
}

function opened({ used }: SessionState): SessionState {
  return { log: FRESH, at: 0, beyond: 0, used, isTentative: false };
}

function absent({ used }: Pick<SessionState, "used">): SessionState {
  return { log: NONE, at: 0, beyond: 0, used, isTentative: false };
}

function endOfKnown({ known }: Plan): number {
  return known.ends.at(-1) ?? 0;
}

/** Whether a run was admitted by then, and not refused afterwards. */
function knows({ places, notStarted }: Plan, run: string, at: number): boolean {
  const said = (places.get(sayOf(run)) ?? NOWHERE).findLast((place) => place < at);
  const refused = (notStarted.get(run) ?? NOWHERE).findLast((place) => place < at);
  return said !== undefined && (refused === undefined || refused < said);
}

function planOf(known: KnownLog, index: number, owned: ReadonlySet<string | null>): Plan {
  const { lines } = known;
  const places = new Map<string, number[]>();
  const notStarted = new Map<string, number[]>();
  const open = [0];
  const running = new Set<string>();
  lines.forEach(({ name }, place) => {
    note(places, name, place);
    const refused = runNotStarted(name);
    if (refused !== null) note(notStarted, refused, place);
    const said = runSaidBy(name);
    if (said !== null) running.add(said);
    running.delete(runEndedBy(name) ?? "");
    open.push(running.size);
  });
  const nextOwned: number[] = [lines.length];
  for (let place = lines.length - 1; place >= 0; place--)
    nextOwned.unshift(owned.has(lines[place]?.name ?? "") ? place : (nextOwned[0] ?? 0));
  return { known, index, bit: 1n << BigInt(index), nextOwned, places, notStarted, open };
}

function note(lists: Map<string, number[]>, name: string, place: number): void {
  const list = lists.get(name);
  if (list) list.push(place);
  else lists.set(name, [place]);
}
