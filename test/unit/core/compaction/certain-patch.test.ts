import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyCertainPatch,
  type Container,
} from "../../../../src/core/compaction/certain-patch.ts";
import { publishedPatchOrNone } from "../../../support/published-patch.ts";

const ODD_KEYS = ["", "1", "01", "-", "x/y", "~", "length", "toString", "__proto__"];
const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("a", "b", "0") },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_KEYS) },
);
const pointer = fc
  .array(key, { minLength: 1, maxLength: 3 })
  .map((keys) =>
    keys.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
  );
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<unknown>(null, 0, 1, "s", true),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "", "0", "x/y", "~"), tie("value"), { maxKeys: 4 }),
  ),
})).value;
const document = fc.record({ a: value, b: value, "0": value }, { requiredKeys: ["a"] });
const operation = fc.record(
  {
    op: fc.constantFrom("add", "add", "replace", "remove", "copy", "move", "other"),
    path: pointer,
    from: pointer,
    value,
  },
  { requiredKeys: ["op", "path"] },
);

describe("applyCertainPatch", () => {
  it("does what the clients' library does, or leaves the document as it was", () => {
    let applied = 0;
    fc.assert(
      fc.property(document, fc.array(operation, { minLength: 1, maxLength: 4 }), (state, patch) => {
        const before = structuredClone(state);
        const after = structuredClone(state) as Container;
        if (applyCertainPatch(after, patch)) {
          applied++;
          expect(after).toEqual(publishedPatchOrNone(before, patch));
        } else expect(after).toEqual(before);
      }),
      { numRuns: 10_000 },
    );
    expect(applied).toBeGreaterThan(500);
  });

  it("refuses what is no patch", () => {
    for (const patch of [null, {}, "x", [null], [[]], [{ op: "add", path: "a", value: 1 }]])
      expect(applyCertainPatch({}, patch)).toBe(false);
  });
});
