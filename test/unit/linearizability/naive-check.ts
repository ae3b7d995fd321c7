import {
  type Effect,
  endOf,
  type History,
  type Line,
  lineOf,
  type Operation,
  type ReadEffect,
} from "../../../scripts/linearizability/history.ts";
import {
  runEndedBy,
  runNotStarted,
  runSaidBy,
} from "../../../scripts/linearizability/line-names.ts";

interface PlainLog {
  readonly id: string | null;
  readonly lines: readonly Line[];
  /** Whether it was made for a write that has not stored anything so far. */
  readonly isTentative: boolean;
}

/** A session by itself, as the specification has it: its log is kept line by line. */
interface PlainSession {
  readonly log: PlainLog | null;
  readonly ids: readonly string[];
}

type Step = Pick<Operation, "invokedAt" | "completedAt" | "effect">;

/**
 * Whether a short history is linearisable, by trying every order on a session that is kept in full.
 * Lines that no operation of the history adds may come at any time.
 */
export function naiveCheck({ operations, runQueue }: History): boolean {
  const reads = operations.flatMap(({ effect }) => (effect.kind === "read" ? [effect] : []));
  const lines = new Map(reads.flatMap((one) => one.lines).map((line) => [line.hash, line]));
  const owned = new Set(operations.map(({ effect }) => lineOf(effect)));
  const others = [...lines.values()].filter(({ name }) => !owned.has(name));
  const steps: Step[] = [
    ...operations,
    ...others.map(({ name }): Step => {
      return { invokedAt: -Infinity, completedAt: null, effect: { kind: "append", name } };
    }),
  ];
  const variants = (name: string): readonly Line[] => {
    const found = [...lines.values()].filter((line) => line.name === name);
    // nobody read it
    return [...found, { name, hash: `unread ${name}`, bytes: 7 }];
  };

  function write(name: string, session: PlainSession): PlainSession[] {
    // the server adds to what there is
    if (!session.log && name.startsWith("own ")) return [];
    const log = session.log ?? { id: null, lines: [] };
    return variants(name).map((line) => ({
      ...session,
      log: { ...log, lines: [...log.lines, line], isTentative: false },
    }));
  }

  function read(effect: ReadEffect, session: PlainSession): PlainSession[] {
    const { log } = session;
    if (!log) return [];
    const isNamed = effect.log !== null;
    if (
      isNamed &&
      log.id !== effect.log &&
      (log.id !== null || session.ids.includes(effect.log ?? ""))
    )
      return [];
    const starts = log.lines.map((_, index) => sizeOf(log.lines.slice(0, index)));
    const from = [...starts, sizeOf(log.lines)].indexOf(effect.from);
    if (from === -1) return [];
    const shown = log.lines.slice(from, from + effect.lines.length);
    if (shown.map(({ hash }) => hash).join() !== effect.lines.map(({ hash }) => hash).join())
      return [];
    if (effect.whole && endOf(effect) !== sizeOf(log.lines)) return [];
    if (effect.log === null || log.id !== null) return [session];
    return [{ log: { ...log, id: effect.log }, ids: [...session.ids, effect.log] }];
  }

  function isForeign(log: string, session: PlainSession): boolean {
    const wasRead = reads.some((one) => one.log === log);
    return session.log?.id !== log && (session.ids.includes(log) || !wasRead);
  }

  function after({ effect }: Step, session: PlainSession): PlainSession[] {
    const { log } = session;
    switch (effect.kind) {
      case "append":
        return write(effect.name, session);
      case "admit":
        return knows(log?.lines ?? [], effect.run)
          ? [session]
          : write(`say ${effect.run}`, session);
      case "full":
        return openOf(log?.lines ?? []) + effect.alongside >= runQueue ? [session] : [];
      case "create":
        if (effect.created) return log ? [] : [{ ...session, log: empty(false) }];
        return log ? [session] : [];
      case "delete":
        if (effect.found) return log ? [{ ...session, log: null }] : [];
        return log ? [] : [session];
      case "absent":
        return log ? [] : [session];
      case "refused":
        return [session];
      case "gone":
        return isForeign(effect.log, session) ? [session] : [];
      default:
        return read(effect, session);
    }
  }

  /** `isMeanwhile`: the session has come or gone just now, and need not go or come at once. */
  function isPossible(left: readonly Step[], session: PlainSession, isMeanwhile = false): boolean {
    if (left.every(({ completedAt }) => completedAt === null)) return true;
    const untilMs = Math.min(...left.map(({ completedAt }) => completedAt ?? Infinity));
    const inTime = left.filter(({ invokedAt }) => invokedAt <= untilMs);
    // a write makes the session before it adds its line, and takes it back if that fails
    const isWriting = inTime.some(({ effect }) => isWrite(writtenBy(effect)));
    if (isWriting && !isMeanwhile) {
      if (!session.log && isPossible(left, { ...session, log: empty(true) }, true)) return true;
      if (session.log?.isTentative && isPossible(left, { ...session, log: null }, true))
        return true;
    }
    return left.some(
      (step) =>
        step.invokedAt <= untilMs &&
        after(step, session).some((next) =>
          isPossible(
            left.filter((one) => one !== step),
            next,
          ),
        ),
    );
  }

  return isPossible(steps, { log: null, ids: [] });
}

function empty(isTentative: boolean): PlainLog {
  return { id: null, lines: [], isTentative };
}

/** The line that an operation adds, or was meant to add; or null. */
function writtenBy(effect: Effect): string | null {
  return effect.kind === "refused" ? effect.name : lineOf(effect);
}

function isWrite(line: string | null): boolean {
  return line !== null && !line.startsWith("own ");
}

function sizeOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { bytes }) => sum + bytes, 0);
}

function knows(lines: readonly Line[], run: string): boolean {
  return lines.reduce(
    (is, { name }) => (is || runSaidBy(name) === run) && runNotStarted(name) !== run,
    false,
  );
}

function openOf(lines: readonly Line[]): number {
  const open = new Set<string>();
  for (const { name } of lines) {
    open.add(runSaidBy(name) ?? "");
    open.delete(runEndedBy(name) ?? "");
    open.delete("");
  }
  return open.size;
}
