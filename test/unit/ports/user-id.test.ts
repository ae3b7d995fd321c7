import * as fc from "fast-check";
import { expect, it } from "vitest";
import { sanitizeUserId } from "../../../src/ports/user-id.ts";

it.each([
  ["kube:admin", "kube-admin"],
  ["--a--b--", "a-b"],
  ["jürgen@example.com", "j-rgen-example.com"],
  ["", ""],
  ["x".repeat(300), "x".repeat(253)],
])("sanitizeUserId(%j) is %j", (name, expected) => {
  expect(sanitizeUserId(name)).toBe(expected);
});

it("sanitizeUserId leaves a name that fits a label, and leaves it alone the second time", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const once = sanitizeUserId(name);
      expect(once).toMatch(/^$|^(?!-)[A-Za-z0-9._-]{1,253}(?<!-)$/);
      expect(sanitizeUserId(once)).toBe(once);
    }),
  );
});
