import type { Random } from "../../../scripts/bench/random.ts";
import type {
  Effect,
  History,
  Line,
  ReadEffect,
} from "../../../scripts/linearizability/history.ts";
import { LONG_AFTER, type TrueHistory, type TrueOperation } from "./random-history.ts";

/** A fault that a server may have, put into a history; null where the history has no place for it. */
export type Break = (history: TrueHistory, random: Random) => History | null;

type TrueRead = TrueOperation & { readonly effect: ReadEffect };

const isRead = (one: TrueOperation): one is TrueRead => one.effect.kind === "read";

/** Reads of the first incarnation that were over before anybody deleted it. */
function earlyReads({ operations }: TrueHistory): TrueRead[] {
  const untilMs = Math.min(
    ...operations.flatMap(({ effect, invokedAt }) => (effect.kind === "delete" ? [invokedAt] : [])),
  );
  return operations
    .filter(isRead)
    .filter(
      ({ incarnation, completedAt }) => incarnation === 1 && (completedAt ?? Infinity) < untilMs,
    );
}

/** Feedback that was acknowledged before a whole read of the first incarnation, and is in it. */
function seenAppends(history: TrueHistory) {
  return earlyReads(history)
    .filter(({ effect }) => effect.whole)
    .flatMap((read) =>
      history.operations.flatMap((append) => {
        const { effect, completedAt } = append;
        const isBefore = completedAt !== null && completedAt < read.invokedAt;
        const index = read.effect.lines.findIndex(
          ({ name }) =>
            effect.kind === "append" && name === effect.name && name.startsWith("meta "),
        );
        return isBefore && index >= 0 ? [{ read, append, index }] : [];
      }),
    );
}

/** The longest that anybody read of the first incarnation. */
function firstLog({ operations }: TrueHistory): readonly Line[] {
  return operations
    .filter(isRead)
    .filter(({ incarnation }) => incarnation === 1)
    .reduce<readonly Line[]>(
      (longest, { effect: { lines } }) => (lines.length > longest.length ? lines : longest),
      [],
    );
}

/** The history in which everybody read the first incarnation as `log`. */
function withFirstLog(history: TrueHistory, log: readonly Line[], lost: Line | null): History {
  return {
    ...history,
    operations: history.operations.map((one) => {
      if (!isRead(one) || one.incarnation !== 1) return one;
      const { lines } = one.effect;
      const count = lines.length - (lost && lines.includes(lost) ? 1 : 0);
      return { ...one, effect: { ...one.effect, lines: log.slice(0, count) } };
    }),
  };
}

/** Long after everything else is over. */
function afterwards(history: TrueHistory, effect: Effect): History {
  const last = history.operations.reduce((most, one) => Math.max(most, one.completedAt ?? 0), 0);
  const invokedAt = last + LONG_AFTER;
  const operation = { client: "c9", replica: "0", invokedAt, completedAt: invokedAt + 1, effect };
  return { ...history, operations: [...history.operations, operation] };
}

/** As `afterwards`, one after the other. */
function allAfterwards(history: TrueHistory, effects: readonly Effect[]): History {
  const truth = { tookEffectAt: 0, incarnation: null };
  return effects.reduce<TrueHistory>((before, effect) => {
    const { operations } = afterwards(before, effect);
    return { ...history, operations: operations.map((one) => ({ ...truth, ...one })) };
  }, history);
}

/** The last read, if it found a session with a line. */
function finalRead({ operations }: TrueHistory): TrueRead | null {
  const last = operations.at(-1);
  return last && isRead(last) && last.effect.lines.length > 0 ? last : null;
}

export const BREAKS: Readonly<Record<string, Break>> = {
  "an acknowledged append that nobody ever reads": (history, random) => {
    const seen = pick(random, seenAppends(history));
    const lost = seen?.read.effect.lines[seen.index];
    if (!lost) return null;
    const log = firstLog(history).filter((line) => line !== lost);
    return withFirstLog(history, log, lost);
  },

  "an append that is stored twice": (history, random) => {
    const read = finalRead(history);
    const metas = read?.effect.lines.filter(({ name }) => name.startsWith("meta ")) ?? [];
    const twice = pick(random, metas);
    if (!read || !twice) return null;
    const again = { ...twice, hash: `${twice.hash} again` };
    return afterwards(history, { ...read.effect, lines: [...read.effect.lines, again] });
  },

  "appends in another order than that of their calls": (history, random) => {
    const all = seenAppends(history);
    const first = pick(random, all);
    const second = pick(
      random,
      all.filter(
        ({ read, append }) =>
          read === first?.read && append.invokedAt > (first.append.completedAt ?? Infinity),
      ),
    );
    if (!first || !second) return null;
    const log = [...firstLog(history)];
    const [a, b] = [log[first.index], log[second.index]];
    if (!a || !b) return null;
    log[first.index] = b;
    log[second.index] = a;
    return withFirstLog(history, log, null);
  },

  "a stale read after an acknowledged append": (history, random) => {
    const seen = pick(random, seenAppends(history));
    if (!seen) return null;
    const { read, index } = seen;
    const effect = { ...read.effect, lines: read.effect.lines.slice(0, index) };
    return {
      ...history,
      operations: history.operations.map((one) => (one === read ? { ...one, effect } : one)),
    };
  },

  "a run that is admitted twice": (history, random) => {
    const read = finalRead(history);
    if (!read) return null;
    const { lines } = read.effect;
    const refused = new Set(lines.map(({ name }) => name));
    const twice = pick(
      random,
      lines.filter(
        ({ name }) =>
          name.startsWith("say ") && !refused.has(`own RUN_ERROR ${name.slice(4)} run-not-started`),
      ),
    );
    if (!twice) return null;
    const again = { ...twice, hash: `${twice.hash} again` };
    return afterwards(history, { ...read.effect, lines: [...lines, again] });
  },

  "a log that is read after it was deleted": (history, random) => {
    const last = history.operations.at(-1);
    const old = pick(
      random,
      history.operations
        .filter(isRead)
        .filter(
          ({ effect, incarnation }) => effect.log !== null && incarnation !== last?.incarnation,
        ),
    );
    return old && afterwards(history, { ...old.effect, whole: false });
  },

  "an append that comes into the log of a deleted incarnation": (history, random) => {
    const last = finalRead(history);
    const old = pick(
      random,
      history.operations
        .filter(isRead)
        .filter(({ incarnation }) => last !== null && incarnation !== last.incarnation),
    );
    const line = last?.effect.lines.find(({ name }) => name.startsWith("meta "));
    if (!old || !line) return null;
    const operations = history.operations.map((one) =>
      one === old ? { ...old, effect: { ...old.effect, lines: [...old.effect.lines, line] } } : one,
    );
    return { ...history, operations };
  },

  "a session that is made twice": (history) =>
    finalRead(history) && afterwards(history, { kind: "create", created: true }),

  "a session that is gone and was not deleted": (history) =>
    finalRead(history) && afterwards(history, { kind: "absent" }),

  "a session that was made by a call of its own and goes with a write that is refused": (
    history,
  ) => {
    if (history.operations.at(-1)?.effect.kind !== "absent") return null;
    const made = allAfterwards(history, [{ kind: "create", created: true }, { kind: "absent" }]);
    const { operations } = made;
    const last = operations.at(-1);
    if (!last) return null;
    return {
      ...history,
      operations: [...operations, { ...last, effect: { kind: "refused", name: "meta 0" } }],
    };
  },

  "a session that is empty long after the write for which it was made was refused": (history) => {
    if (history.operations.at(-1)?.effect.kind !== "absent") return null;
    const read = { kind: "read", log: null, from: 0, lines: [], whole: true } as const;
    return allAfterwards(history, [{ kind: "refused", name: "meta 0" }, { kind: "absent" }, read]);
  },

  "a cursor of the log that there is, called foreign": (history) => {
    const log = finalRead(history)?.effect.log;
    return log ? afterwards(history, { kind: "gone", log }) : null;
  },

  "two readers who get different bytes": (history) => {
    const read = finalRead(history);
    if (!read) return null;
    const lines = [...read.effect.lines.slice(0, -1), { name: "meta 0", hash: "other", bytes: 10 }];
    return afterwards(history, { ...read.effect, lines });
  },

  "a line that was refused": (history) => {
    const name = finalRead(history)?.effect.lines.find((line) =>
      line.name.startsWith("meta "),
    )?.name;
    return name === undefined ? null : { ...history, refused: [name] };
  },

  "a line that nobody sent": (history) => {
    const read = finalRead(history);
    if (!read) return null;
    const alien = { name: "alien CUSTOM", hash: "alien", bytes: 10 };
    return afterwards(history, { ...read.effect, lines: [...read.effect.lines, alien] });
  },

  "a refusal for too many waiting runs while none waits": (history) => {
    const read = finalRead(history);
    const isIdle =
      read?.effect.whole && read.effect.lines.every(({ name }) => !name.startsWith("say "));
    return isIdle ? afterwards(history, { kind: "full", alongside: 0 }) : null;
  },
};

function pick<T>(random: Random, items: readonly T[]): T | null {
  return items.length === 0 ? null : random.pick(items);
}
