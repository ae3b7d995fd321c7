import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExact } from "../../../../src/core/model/exact-json.ts";
import {
  copyJson,
  isEqualJson,
  measureInSteps,
  measureJson,
} from "../../../../src/core/model/json-value.ts";
import { utf8 } from "../../../contract/bytes.ts";

const UNLIMITED = { maxBytes: Infinity, maxDepth: Infinity };
const json = fc.json({ maxDepth: 5, stringUnit: "binary" });
const isEqual = (a: unknown, b: unknown): boolean => isEqualJson(a, b, () => {});
const exact = (text: string): unknown => parseExact(utf8(text));

function deep(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value };
  return value;
}

describe("JSON values", () => {
  it("are measured as the text is long that they are written as", () => {
    fc.assert(
      fc.property(json, (text) => {
        const value: unknown = JSON.parse(text);
        const { length } = utf8(JSON.stringify(value));
        const bytes = measureJson(value, UNLIMITED)?.bytes ?? 0;
        expect(bytes).toBeGreaterThanOrEqual(length);
        expect(bytes).toBeLessThanOrEqual(length + 5 * text.length);
      }),
    );
    expect(measureJson({ "\ud800": ['😀é\n"', 1e21, true, false, null] }, UNLIMITED)).toMatchObject(
      {
        bytes: utf8('{"\\ud800":["😀é\\u000a\\"",1e+21,true,false,null]}').length + 2,
        depth: 2,
      },
    );
    expect(measureJson(exact("[1.10]"), UNLIMITED)?.bytes).toBe("[1.10]".length + 1);
  });

  it("are measured in steps where a text is long", () => {
    const text = `x${"😀".repeat(200_000)}\n`;
    const bytes = utf8(`["${text.slice(0, -1)}\\u000a"]`).length + 1;
    const steps = measureInSteps([text], UNLIMITED);
    let count = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) count += 1;
    expect(step.value).toMatchObject({ bytes, depth: 1 });
    expect(count).toBeGreaterThan(text.length / 100_000);
  });

  it("are too large at the limit and one", () => {
    const value = { a: ["xyz"] };
    const { bytes = 0, depth = 0 } = measureJson(value, UNLIMITED) ?? {};
    expect(measureJson(value, { maxBytes: bytes, maxDepth: depth })).toMatchObject({
      bytes,
      depth,
    });
    expect(measureJson(value, { maxBytes: bytes - 1, maxDepth: depth })).toBeNull();
    expect(measureJson(value, { maxBytes: bytes, maxDepth: depth - 1 })).toBeNull();
  });

  it("are copied with everything in them, and share nothing with the copy", () => {
    fc.assert(
      fc.property(json, (text) => {
        const value: unknown = JSON.parse(text);
        const copy = copyJson(value);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
        for (const list of [value, copy]) if (Array.isArray(list)) list.push("later");
        if (Array.isArray(value)) expect(copy).toHaveLength(value.length);
      }),
    );
    const odd: unknown = JSON.parse('{"__proto__":{"a":1},"b":{"c":[]}}');
    expect(JSON.stringify(copyJson(odd))).toBe(JSON.stringify(odd));
    expect(JSON.stringify(copyJson(exact("[1.10,{}]")))).toBe("[1.10,{}]");
  });

  it("are the same whatever the order of their keys and the text of their numbers", () => {
    expect(isEqual({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 })).toBe(true);
    expect(isEqual({ a: 1 }, { a: 1, b: null })).toBe(false);
    expect(isEqual({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(isEqual([1], { 0: 1 })).toBe(false);
    expect(isEqual([1], [1, 2])).toBe(false);
    expect(isEqual({ a: null }, { b: null })).toBe(false);
    expect(isEqual(exact("[1.0]"), [1])).toBe(true);
    expect(isEqual(exact("[1.5]"), [1])).toBe(false);
    expect(isEqual("1", 1)).toBe(false);
  });

  it("may be of any depth", () => {
    const value = deep(20_000);
    expect(measureJson(value, UNLIMITED)?.depth).toBe(20_000);
    expect(isEqual(value, copyJson(value))).toBe(true);
  });
});
