import * as fc from "fast-check";
import type { LogName } from "../../../src/ports/log-store.ts";

/** How an append is made to fail, if it is. */
export type Fault = "none" | "end" | "old-log" | "foreign-log";

/** Which log a command names by its id: the one that is there, the one before it, or no one's. */
export type LogChoice = "current" | "old-log" | "foreign-log";

/** One step of a random history. `session` is an index into the sessions of the run. */
export type Command =
  | { readonly kind: "create" | "stat" | "delete"; readonly session: number }
  | {
      readonly kind: "append";
      readonly session: number;
      readonly log: LogName;
      /** Sizes of the lines: each inner list is one append, all are in flight together. */
      readonly appends: readonly (readonly number[])[];
      readonly fault: Fault;
      /** Of each append: the number of the note's key, or null for none. */
      readonly notes: readonly (number | null)[];
    }
  | {
      readonly kind: "dropNote";
      readonly session: number;
      readonly choice: LogChoice;
      readonly note: number;
    }
  | {
      readonly kind: "read";
      readonly session: number;
      readonly log: LogName;
      readonly choice: LogChoice;
      /** Taken modulo the log's end plus a little, so that some lie outside. */
      readonly start: number | undefined;
      readonly end: number | undefined;
    }
  | {
      readonly kind: "setHead" | "setDocument";
      readonly session: number;
      readonly choice: LogChoice;
      readonly size: number;
    }
  | {
      readonly kind: "markOpen" | "clearOpen";
      readonly session: number;
      readonly choice: LogChoice;
      readonly run: number;
      readonly data: string;
    }
  | { readonly kind: "list"; readonly limit: number; readonly project: number | undefined }
  | { readonly kind: "openRuns" | "reopen" };

const session = fc.nat({ max: 4 });
const log = fc.constantFrom<LogName>(
  "raw",
  "raw",
  "compact",
  "edits",
  "runs",
  "keyframes",
  "times",
);
const choice = fc.constantFrom<LogChoice>(
  "current",
  "current",
  "current",
  "old-log",
  "foreign-log",
);
const fault = fc.constantFrom<Fault>("none", "none", "none", "end", "old-log", "foreign-log");
const lineSize = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 140_000 }) },
);
const offset = fc.option(fc.nat({ max: 400_000 }), { nil: undefined });

/** A history of up to `maxLength` commands. */
export function commandsArbitrary(maxLength: number): fc.Arbitrary<Command[]> {
  const command = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("create" as const), session }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), session }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("stat" as const), session }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("append" as const),
        session,
        log,
        appends: fc.array(fc.array(lineSize, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        fault,
        notes: fc.array(fc.option(fc.nat({ max: 4 })), { minLength: 4, maxLength: 4 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("dropNote" as const),
        session,
        choice,
        note: fc.nat({ max: 4 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("read" as const),
        session,
        log,
        choice,
        start: offset,
        end: offset,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("setHead" as const),
        session,
        choice,
        size: fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 65_530, max: 65_542 })),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("setDocument" as const),
        session,
        choice,
        size: fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 262_138, max: 262_150 })),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom("markOpen" as const, "markOpen" as const, "clearOpen" as const),
        session,
        choice,
        run: fc.nat({ max: 3 }),
        data: fc.string({ maxLength: 40, unit: "grapheme" }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("list" as const),
        limit: fc.integer({ min: 1, max: 6 }),
        project: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("openRuns" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
  );
  return fc.array(command, { minLength: 1, maxLength, size: "max" });
}
