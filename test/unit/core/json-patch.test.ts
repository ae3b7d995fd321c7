import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyJsonPatch,
  isJsonPatch,
  isSameJson,
  knownOperations,
} from "../../../src/core/json-patch.ts";
import { publishedPatchOrNone } from "../../support/published-patch.ts";

const key = fc.constantFrom("a", "b", "0", "1", "9", "-", "a~1b", "m~0n");
const pointer = fc
  .array(key, { maxLength: 3 })
  .map((keys) => keys.map((one) => `/${one}`).join(""));
const leaf = fc.oneof(fc.nat(9), fc.string({ maxLength: 3 }), fc.boolean(), fc.constant(null));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "0", "a/b", "m~n", ""), tie("value"), { maxKeys: 4 }),
  ),
}));
const operation = fc.oneof(
  fc.record({ op: fc.constantFrom("add", "replace", "test"), path: pointer, value }),
  fc.record({ op: fc.constant("remove"), path: pointer }),
  fc.record({ op: fc.constantFrom("copy", "move"), path: pointer, from: pointer }),
);
const container = value.filter((made) => typeof made === "object" && made !== null);

describe("JSON Patch", () => {
  it("does to an object or a list what the clients' library does, or fails where that does", () => {
    fc.assert(
      fc.property(container, fc.array(operation, { maxLength: 3 }), (document, patch) => {
        fc.pre(isJsonPatch(patch) && !isOdd(document, patch));
        const before = structuredClone(document);
        expect(applyJsonPatch(document, patch)).toEqual(publishedPatchOrNone(document, patch));
        expect(document).toEqual(before);
      }),
      { numRuns: 5_000 },
    );
  });

  it("takes no operation for one that lacks a part of it", () => {
    for (const odd of [
      7,
      { op: "bogus", path: "/a" },
      { op: "add", path: "/a" },
      { op: "add", path: "a", value: 1 },
      { op: "remove", path: "/a~2" },
      { op: "move", path: "/a" },
    ])
      expect(isJsonPatch([odd])).toBe(false);
    expect(isJsonPatch({ op: "remove", path: "/a" })).toBe(false);
  });

  it("is without the operations that nobody knows, but not without what is none", () => {
    const whole = { op: "remove", path: "/a" };
    expect(knownOperations([{ op: "bogus", path: "/a" }, whole, {}])).toEqual([whole]);
    expect(knownOperations([7, null, [whole]])).toEqual([7, null, [whole]]);
  });

  it("reaches nothing that objects have in common", () => {
    const document: unknown = JSON.parse('{"constructor":{"prototype":{}}}');
    for (const path of ["/__proto__/x", "/constructor/prototype/x"])
      expect(applyJsonPatch(document, [{ op: "add", path, value: 1 }])).toBeUndefined();
  });

  it("compares values whatever the order of their keys", () => {
    expect(isSameJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 })).toBe(true);
    expect(isSameJson({ a: 1 }, { a: 1, b: undefined })).toBe(false);
    expect(isSameJson([1], { 0: 1 })).toBe(false);
  });
});

/** Where the library leaves the standard: moving the root, and roots that are no containers any more. */
function isOdd(
  document: unknown,
  patch: readonly { op: string; path: string; from?: string }[],
): boolean {
  return patch.some(
    ({ op, path, from }) =>
      path === "" || (op === "move" && (from === "" || path.startsWith(from ?? ""))),
  );
}
