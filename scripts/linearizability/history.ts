/**
 * What clients did to one session and what they were told, as the checker takes it. Times are ms of
 * one monotonic clock.
 */
export interface History {
  readonly session: string;
  /** How many runs may wait (`RUNLOG_RUN_QUEUE`). */
  readonly runQueue: number;
  readonly operations: readonly Operation[];
  /** Names of lines that a server certainly refused, and which nobody tried again. */
  readonly refused: readonly string[];
}

export interface Operation {
  /** Who did it, for people. */
  readonly client: string;
  /** Which replica was asked, for people. */
  readonly replica: string;
  readonly invokedAt: number;
  /**
   * Null where the outcome is unknown: it may have happened, at any later time, or not at all. Then
   * `effect` is what it did if it did anything.
   */
  readonly completedAt: number | null;
  readonly effect: Effect;
}

/** A line of a log as somebody read it. Two lines are the same if name, hash and size are. */
export interface Line {
  /** What it says: `say <run>`, `meta <n>`, `emit <run> <post> <n>`, `own …`; `alien …` for anything else. */
  readonly name: string;
  /** Of all its bytes. */
  readonly hash: string;
  /** With its line end. */
  readonly bytes: number;
}

/** What an operation did, or found. */
export type Effect =
  /** A line that was accepted: of a caller, or of a runner whose run was acknowledged. */
  | { readonly kind: "append"; readonly name: string }
  /** A run that was accepted, or had been before: `say <run>` is in the log. */
  | { readonly kind: "admit"; readonly run: string }
  /** A run that was refused since too many waited, while so many others were being posted. */
  | { readonly kind: "full"; readonly alongside: number }
  /** A line that was refused. It changed nothing, but while it was asked for the session may have been there, empty. */
  | { readonly kind: "refused"; readonly name: string }
  | { readonly kind: "create"; readonly created: boolean }
  | { readonly kind: "delete"; readonly found: boolean }
  | ReadEffect
  /** There was no session. */
  | { readonly kind: "absent" }
  /** A cursor of this log was called foreign. */
  | { readonly kind: "gone"; readonly log: string };

/** The lines from an offset on. */
export interface ReadEffect {
  readonly kind: "read";
  /** The log's id; null where the answer does not say it. */
  readonly log: string | null;
  readonly from: number;
  readonly lines: readonly Line[];
  /** Whether the log ended there. */
  readonly whole: boolean;
}

/** The offset at which a read ended. */
export function endOf({ from, lines }: ReadEffect): number {
  return lines.reduce((end, { bytes }) => end + bytes, from);
}

/** The line that admits a run. */
export function sayOf(run: string): string {
  return `say ${run}`;
}

/** The name of the line that a write puts into the log, or null for any other operation. */
export function lineOf(effect: Effect): string | null {
  if (effect.kind === "append") return effect.name;
  return effect.kind === "admit" ? sayOf(effect.run) : null;
}

/** What shows that a history is none that a linearisable log can have. */
export interface Violation {
  /** What is wrong, in a sentence. */
  readonly what: string;
  /** The operations that show it. */
  readonly operations: readonly Operation[];
  /** The lines of a log that are wrong among themselves, with their offsets, for people. */
  readonly lines?: readonly string[];
}

/**
 * An operation of which less is known: nothing of what was read, and of a write neither when it was nor
 * whether. A history remains linearisable if this is done to it.
 */
export function forget(operation: Operation): readonly Operation[] {
  const effect = whatItDoes(operation.effect);
  return effect ? [{ ...operation, invokedAt: LONG_AGO, completedAt: null, effect }] : [];
}

/** What a write does if it takes effect; null for what changes nothing. */
export function whatItDoes(effect: Effect): Effect | null {
  switch (effect.kind) {
    case "append":
    case "admit":
      return effect;
    case "refused":
      return { kind: "append", name: effect.name };
    case "create":
      return { kind: "create", created: true };
    case "delete":
      return { kind: "delete", found: true };
    default:
      return null;
  }
}

const LONG_AGO = -Number.MAX_VALUE;
