import type { Random } from "../../../scripts/bench/random.ts";
import { forget, type History, type Operation } from "../../../scripts/linearizability/history.ts";

/** Changes one thing about a history, which may or may not make it impossible. */
export function changedHistory(history: History, random: Random): History {
  const operations: Operation[] = [...history.operations];
  const at = random.integer(operations.length);
  const one = operations[at];
  if (!one) return history;
  const { effect } = one;
  switch (random.integer(4)) {
    case 0:
      operations.splice(at, 1, ...forget(one));
      break;
    case 1: {
      const by = random.integer(9) - 4;
      const completedAt = one.completedAt === null ? null : one.completedAt + by;
      operations[at] = { ...one, invokedAt: one.invokedAt + by, completedAt };
      break;
    }
    case 2:
      if (one.completedAt === null) break;
      if (effect.kind === "create")
        operations[at] = { ...one, effect: { ...effect, created: !effect.created } };
      if (effect.kind === "delete")
        operations[at] = { ...one, effect: { ...effect, found: !effect.found } };
      break;
    default:
      if (effect.kind !== "read") break;
      operations[at] = {
        ...one,
        effect: {
          ...effect,
          whole: effect.log === null || random.integer(2) === 0,
          lines: effect.lines.slice(0, -1),
        },
      };
  }
  return { ...history, operations };
}
