import { describe, expect, it } from "vitest";
import { isJsonPatch, knownOperations } from "../../../../src/core/model/json-patch.ts";

describe("a JSON Patch", () => {
  it("has no operation that lacks a part of it", () => {
    for (const odd of [
      7,
      { op: "bogus", path: "/a" },
      { op: "add", path: "/a" },
      { op: "add", path: "a", value: 1 },
      { op: "remove", path: "/a~2" },
      { op: "remove", path: "/a~" },
      { op: "move", path: "/a" },
    ])
      expect(isJsonPatch([odd])).toBe(false);
    expect(isJsonPatch({ op: "remove", path: "/a" })).toBe(false);
  });

  it("may have pointers of any length", () => {
    for (const part of ["/", "/a", "/~0~1", "x"]) {
      const path = `/${part.repeat(1024 * 1024)}`;
      expect(isJsonPatch([{ op: "remove", path }])).toBe(true);
      expect(isJsonPatch([{ op: "remove", path: `${path}~2` }])).toBe(false);
    }
  });

  it("is without the operations that nobody knows, but not without what is none", () => {
    const whole = { op: "remove", path: "/a" };
    expect(knownOperations([{ op: "bogus", path: "/a" }, whole, {}])).toEqual([whole]);
    expect(knownOperations([7, null, [whole]])).toEqual([7, null, [whole]]);
  });
});
