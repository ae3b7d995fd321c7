import * as fc from "fast-check";
import { expect, it } from "vitest";
import { isExactNumber, isSameJson, parseExact } from "../../../../src/core/model/exact-json.ts";

const parse = (text: string): unknown => parseExact(new TextEncoder().encode(text));

it("gives back the text of every number", () => {
  const digits = fc.stringMatching(/^(?:0|[1-9]\d{0,24})$/);
  const number = fc
    .tuple(
      fc.constantFrom("", "-"),
      digits,
      fc.constantFrom("", ".0", ".10", ".5", ".123456789012345678901"),
      fc.constantFrom("", "e5", "E5", "e+400", "E-400", "e00"),
    )
    .map((parts) => parts.join(""));
  const around = fc.constantFrom(
    (text: string) => text,
    (text: string) => `[${text},"1.0",{"a":${text}}]`,
    (text: string) => `{"1.0":[${text}],"b\\"1.0":"\\\\","c":${text}}`,
  );
  fc.assert(
    fc.property(number, around, (text, within) => {
      expect(JSON.stringify(parse(within(text)))).toBe(within(text));
    }),
  );
});

it("leaves every number plain that is written as a double is", () => {
  for (const text of ["0", "-1", "1.5", "9007199254740991", "1e+21", "1e-7", "123456789012345"])
    expect(parse(`[${text}]`)).toEqual([Number(text)]);
  for (const text of ["-0", "1.0", "1e3", "9007199254740993", "1e400", "1E+21"])
    expect(isExactNumber(parse(text))).toBe(true);
});

it("takes no object for a number, whatever its members", () => {
  const value = parse('{"rawJSON":"1.0","__proto__":{"a":1.0}}');
  expect(isExactNumber(value)).toBe(false);
  expect(JSON.stringify(value)).toBe('{"rawJSON":"1.0","__proto__":{"a":1.0}}');
});

it("calls values the same that are written alike but for the order of keys", () => {
  const same = (a: string, b: string): boolean => isSameJson(parse(a), parse(b));
  expect(same('{"a":1.10,"b":[-0,{}]}', '{"b":[-0,{}],"a":1.10}')).toBe(true);
  expect(same("1.0", "1")).toBe(false);
  expect(same("2512292042121000001", "2512292042121000000")).toBe(false);
  expect(same("[]", "{}")).toBe(false);
  expect(same('{"a":null}', '{"b":null}')).toBe(false);
  expect(same('{"toString":1}', "{}")).toBe(false);
  expect(same("1.0", "{}")).toBe(false);
});

it("compares values of any depth", () => {
  const deep = (): unknown => JSON.parse("[".repeat(100_000) + "]".repeat(100_000));
  expect(isSameJson(deep(), deep())).toBe(true);
});
