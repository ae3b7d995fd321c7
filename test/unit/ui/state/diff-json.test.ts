import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffJson, type JsonChange } from "../../../../src/ui/state/diff-json.ts";

/** Values that have much in common. */
const value = fc
  .letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(1, 2, "a", null, true),
      fc.array(tie("any"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom("a", "b", "toString", "__proto__"), tie("any"), { maxKeys: 3 }),
    ),
  }))
  .any.map((made) => JSON.parse(JSON.stringify(made)) as unknown);

describe("the difference of two values", () => {
  it("is empty for equal ones only, and each change is what stands at its place", () => {
    fc.assert(
      fc.property(value, value, (before, after) => {
        const { changes, isCut } = diffJson(before, after, 1_000);
        expect(isCut).toBe(false);
        expect(diffJson(before, JSON.parse(JSON.stringify(before)), 1_000).changes).toEqual([]);
        for (const { path, kind, ...change } of changes) {
          // in a list others may have taken the place of what was removed, or have it no more where something was added
          if (kind !== "added") expect(change.before).toEqual(at(before, path));
          if (kind !== "removed") expect(change.after).toEqual(at(after, path));
          expect(change.before).not.toEqual(change.after);
          expect(kind === "added").toBe(change.before === undefined);
          expect(kind === "removed").toBe(change.after === undefined);
        }
        if (changes.length === 0) expect(before).toEqual(after);
      }),
      { numRuns: 1_000 },
    );
  });

  it("of a list to which an item was added is that item", () => {
    const item = { id: 1, deep: [1, 2, { x: "y" }] };
    expect(paths([item, item], [item, { id: 2 }, item])).toEqual(["1 added"]);
    expect(paths([1, 2, 3, 4], [1, 4])).toEqual(["1 removed", "2 removed"]);
    expect(paths({ todo: [{ done: false }] }, { todo: [{ done: true }] })).toEqual([
      "todo.0.done changed",
    ]);
    expect(paths({}, [])).toEqual([" changed"]);
  });

  it("stops after so many changes and says so", () => {
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    const { changes, isCut } = diffJson(
      numbers,
      numbers.map((number) => -1 - number),
      10,
    );
    expect([changes.length, isCut]).toEqual([10, true]);
    expect(diffJson([1, 2], [3, 2], 1)).toMatchObject({ isCut: false });
  });

  it("of values a thousand levels deep is found", () => {
    let [one, other]: unknown[] = [1, 2];
    for (let depth = 0; depth < 1_000; depth += 1) [one, other] = [{ a: one }, { a: other }];
    expect(diffJson(one, other, 10).changes).toHaveLength(1);
  });
});

function at(root: unknown, path: JsonChange["path"]): unknown {
  let found = root as Record<string | number, unknown> | undefined;
  for (const step of path)
    found =
      found !== undefined && Object.hasOwn(found, step)
        ? (found[step] as Record<string, unknown>)
        : undefined;
  return found;
}

function paths(before: unknown, after: unknown): string[] {
  return diffJson(before, after, 100).changes.map(({ path, kind }) => `${path.join(".")} ${kind}`);
}
