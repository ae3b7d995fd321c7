import { createHash } from "node:crypto";
import {
  type Effect,
  type History,
  type Line,
  type Operation,
  sayOf,
  whatItDoes,
} from "./history.ts";
import { type Emitted, emitName, runSaidBy } from "./line-names.ts";
import { nameOfLine } from "./name-of-line.ts";

/** An operation that goes on. */
export interface Pending {
  /** It was answered. Whether `effect` is other than what was asked for is known only now. */
  done(effect: Effect): void;
  /** Nobody knows what became of it: of a read there is nothing to say then. */
  unknown(): void;
  /** A server refused it: it certainly stored nothing. */
  refused(): void;
  /** No server was asked. */
  unsent(): void;
}

/** Whoever does things to a session. */
export interface Actor {
  readonly client: string;
  readonly replica: string;
}

/** Takes down what is done to one session and what it answers. */
export interface Recorder {
  readonly session: string;
  /** What was seen that no order of operations is needed for. */
  readonly violations: readonly string[];
  /** Times by one monotonic clock. `intent` is what it does if it takes effect; null for a read. */
  begin(actor: Actor, intent: Effect | null): Pending;
  /** A read whose call was at `invokedAt`, of which something has come just now. */
  saw(actor: Actor, invokedAt: number, effect: Effect): void;
  /** A line as it came. */
  line(text: string): Line;
  /** A runner sends an event now. The function tells that all of it was acknowledged. */
  emit(event: Emitted): () => void;
  violation(text: string): void;
  /** Until when the session may have been deleted the last time; null if nobody asked for it. */
  readonly deletedAt: number | null;
  history(): History;
}

interface Recorded extends Actor {
  readonly invokedAt: number;
  completedAt: number | null;
  effect: Effect;
}

const HASH_CHARS = 16;

/** `runQueue` as in the history. */
export function createRecorder(session: string, runQueue: number): Recorder {
  const operations: Recorded[] = [];
  const lines = new Map<string, Line>();
  const violations: string[] = [];
  // names of lines that were refused, and of those that were not
  const refused = new Set<string>();
  const tried = new Set<string>();
  let deletedAt: number | null = null;

  function lineNameOf(effect: Effect | null): string | null {
    if (effect?.kind === "append") return effect.name;
    return effect?.kind === "admit" ? sayOf(effect.run) : null;
  }

  /** How many posts of runs went on beside a refusal: each may have had a place that it gave back. */
  function withNeighbours(one: Recorded, posts: readonly Recorded[]): Operation {
    if (one.effect.kind !== "full") return one;
    const until = one.completedAt ?? Number.POSITIVE_INFINITY;
    const alongside = posts.filter(
      (post) =>
        post.invokedAt <= until && (post.completedAt ?? Number.POSITIVE_INFINITY) >= one.invokedAt,
    ).length;
    return { ...one, effect: { kind: "full", alongside } };
  }

  return {
    session,
    violations,
    get deletedAt() {
      return deletedAt;
    },

    begin(actor, intent) {
      const invokedAt = performance.now();
      const name = lineNameOf(intent);
      if (intent?.kind === "delete") deletedAt = invokedAt;
      const keep = (completedAt: number | null, effect: Effect): void => {
        // who knows when one that was not answered is done
        if (intent?.kind === "delete") deletedAt = completedAt ?? Number.POSITIVE_INFINITY;
        if (name !== null) tried.add(name);
        operations.push({ ...actor, invokedAt, completedAt, effect });
      };
      return {
        done: (effect) => keep(performance.now(), effect),
        unknown: () => {
          const effect = intent && whatItDoes(intent);
          if (effect) keep(null, effect);
        },
        refused: () => {
          if (name === null) return;
          refused.add(name);
          const completedAt = performance.now();
          const effect = { kind: "refused", name } as const;
          operations.push({ ...actor, invokedAt, completedAt, effect });
        },
        unsent: () => {
          if (name !== null) refused.add(name);
        },
      };
    },

    saw(actor, invokedAt, effect) {
      operations.push({ ...actor, invokedAt, completedAt: performance.now(), effect });
    },

    line(text) {
      const known = lines.get(text);
      if (known) return known;
      const hash = createHash("sha256").update(text).digest("hex").slice(0, HASH_CHARS);
      const line = { name: nameOfLine(text), hash, bytes: Buffer.byteLength(text) + 1 };
      lines.set(text, line);
      return line;
    },

    emit(event) {
      const name = emitName(event);
      tried.add(name);
      const operation: Recorded = {
        client: "runner",
        replica: "all",
        invokedAt: performance.now(),
        completedAt: null,
        effect: { kind: "append", name },
      };
      operations.push(operation);
      return () => {
        operation.completedAt = performance.now();
      };
    },

    violation: (text) => void violations.push(text),

    history: () => {
      const posts = operations.filter(
        ({ effect }) =>
          effect.kind === "admit" || (effect.kind === "refused" && runSaidBy(effect.name) !== null),
      );
      return {
        session,
        runQueue,
        operations: operations.map((one) => withNeighbours(one, posts)),
        refused: [...refused].filter((name) => !tried.has(name)),
      };
    },
  };
}
