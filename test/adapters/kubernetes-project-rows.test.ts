import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KnownSession, ProjectRows } from "../../adapters/kubernetes/project-rows.ts";
import { bySessionAge, searchFor } from "../../src/ports/session-order.ts";
import { createByteBudget } from "../../src/stream/sync/byte-budget.ts";
import type { TimeSlicer } from "../../src/stream/sync/time-slicer.ts";

const session = fc.constantFrom("a", "b", "c", "d", "e", "f", "g");
const command = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    session,
    createdAtMs: fc.integer({ min: 1, max: 3 }),
    version: fc.integer({ min: 1, max: 1_200 }),
    displayName: fc.constantFrom("", "One", "two"),
    initialPrompt: fc.constantFrom("", "three", "x".repeat(200)),
  }),
  fc.record({ kind: fc.constant("remove" as const), session }),
  fc.record({
    kind: fc.constant("relist" as const),
    seen: fc.uniqueArray(session),
    version: fc.integer({ min: 1, max: 1_200 }),
  }),
);

type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** What the commands mean, without order and budgets. */
function apply(model: Map<string, KnownSession>, given: Command): void {
  if (given.kind === "remove") model.delete(given.session);
  else if (given.kind === "relist") {
    for (const row of model.values())
      if (!given.seen.some((name) => name === row.session) && Number(row.version) <= given.version)
        model.delete(row.session);
  } else {
    const known = model.get(given.session);
    if (!known || Number(known.version) < given.version) model.set(given.session, rowOf(given));
  }
}

function rowOf({ version, ...given }: Command & { kind: "put" }): KnownSession {
  const { session: name, createdAtMs, displayName, initialPrompt } = given;
  const uid = `uid-${name}`;
  return { session: name, createdAtMs, displayName, initialPrompt, uid, version: String(version) };
}

const AT_ONCE: TimeSlicer = { run: (work) => work() };

describe("kubernetes rows of a project", () => {
  it("are those of the model, in their order, and give back what they took of the budgets", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
        const budget = createByteBudget(1_000_000);
        const texts = createByteBudget(1_000_000);
        const rows = new ProjectRows({ rows: budget, texts, makeRoom: () => false });
        const model = new Map<string, KnownSession>();
        for (const given of commands) {
          apply(model, given);
          if (given.kind === "put") rows.put(rowOf(given));
          else if (given.kind === "remove") rows.remove(given.session);
          else rows.keepOnly(new Set(given.seen), String(given.version));
          const expected = [...model.values()].sort(bySessionAge);
          expect(await rows.matching("", AT_ONCE)).toEqual(expected);
          expect(await rows.matching("O", AT_ONCE)).toEqual(expected.filter(searchFor("O")));
        }
        rows.clear();
        expect([budget.usedBytes, texts.usedBytes]).toEqual([0, 0]);
      }),
    );
  });

  it("are searched in turns, as they were when the search began", async () => {
    const budgets = { rows: createByteBudget(10_000_000), texts: createByteBudget(10_000_000) };
    const rows = new ProjectRows({ ...budgets, makeRoom: () => false });
    const row = { createdAtMs: 1, uid: "u", version: "1", displayName: "d", initialPrompt: "p" };
    for (let i = 0; i < 1_000; i++) rows.put({ ...row, session: `s${i}` });
    const expected = [...rows.inOrder];
    let turns = 0;
    const found = await rows.matching("D", {
      run: (work) => {
        turns++;
        rows.remove(`s${turns}`);
        return work();
      },
    });
    expect(found).toEqual(expected);
    expect(turns).toBeGreaterThan(10);
  });

  it("go without their texts when these do not all fit, and are not searched then", async () => {
    const budget = createByteBudget(1_000_000);
    const texts = createByteBudget(1_000);
    const rows = new ProjectRows({ rows: budget, texts, makeRoom: () => false });
    const row = { createdAtMs: 1, uid: "u", version: "1", displayName: "d", initialPrompt: "p" };
    rows.put({ ...row, session: "a" });
    expect(await rows.matching("d", AT_ONCE)).toHaveLength(1);
    rows.put({ ...row, session: "b", initialPrompt: "x".repeat(2_000) });
    expect(await rows.matching("d", AT_ONCE)).toBeNull();
    expect(rows.inOrder).toHaveLength(2);
    expect(texts.usedBytes).toBe(0);
    rows.clear();
    expect(budget.usedBytes).toBe(0);
  });

  it("overflow when not even they fit, after everything else has made room", () => {
    const budget = createByteBudget(2_000);
    budget.tryTake(1_500);
    let isRoomMade = false;
    const makeRoom = (): boolean => {
      if (isRoomMade) return false;
      isRoomMade = true;
      budget.release(1_500);
      return true;
    };
    const rows = new ProjectRows({ rows: budget, texts: createByteBudget(1_000), makeRoom });
    const row = { createdAtMs: 1, uid: "u", version: "1", displayName: "", initialPrompt: "" };
    for (const name of ["a", "b"]) rows.put({ ...row, session: name });
    expect([isRoomMade, rows.isOverflowing]).toEqual([true, false]);
    for (const name of ["c", "d", "e"]) rows.put({ ...row, session: name });
    expect(rows.isOverflowing).toBe(true);
    rows.clear();
    expect([rows.isOverflowing, budget.usedBytes]).toEqual([false, 0]);
  });
});
