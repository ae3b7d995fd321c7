import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonObjectScanner } from "../../../../src/stream/json/json-scan.ts";
import { utf8 } from "../../../contract/bytes.ts";

/** Where the scanner places the member `x`, with the text in pieces of `size` bytes. */
function placeIn(text: string, size: number) {
  const bytes = utf8(text);
  const scanner = new JsonObjectScanner(["type", "x"], "x");
  scanner.push(utf8('{"x":"of another text"}'), 0, 23);
  scanner.reset();
  for (let at = 0; at < bytes.length; at += size)
    scanner.push(bytes, at, Math.min(at + size, bytes.length));
  expect(scanner.end()).toBe(true);
  return scanner.place();
}

describe("the place of a member in a JSON object", () => {
  const other = fc.constantFrom(
    '"a":1',
    '"y":{"x":"inner"}',
    '"x1":"x"',
    '"l":[{"x":"x"},","]',
    '"type":"T"',
  );
  const space = fc.constantFrom("", " ", "\t ");

  it("is that of its string, and cutting it out leaves the others", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(other, { maxLength: 4 }),
        fc.nat(4),
        fc.string({ maxLength: 400 }),
        space,
        fc.integer({ min: 1, max: 40 }),
        (others, at, value, gap, size) => {
          const parts: string[] = [...others];
          parts.splice(at, 0, `"x"${gap}:${gap}${JSON.stringify(value)}`);
          const text = `${gap}{${gap}${parts.join(`${gap},${gap}`)}${gap}}`;
          const bytes = utf8(text);
          const place = placeIn(text, size);
          if (!place) throw new Error("It was not found");
          const decode = (from: number, to?: number) =>
            new TextDecoder().decode(bytes.subarray(from, to));
          expect(JSON.parse(decode(place.start, place.end))).toBe(value);
          const rest = decode(0, place.cutStart) + decode(place.cutEnd);
          expect(JSON.parse(rest)).toEqual(JSON.parse(`{${others.join(",")}}`));
        },
      ),
    );
  });

  it.each(['{"a":{"x":"y"}}', '{"x":1}', '{"x":null}', '{"x":["y"]}', '{"x":"y","x":1}', "{}"])(
    "is none in %s",
    (text) => {
      expect(placeIn(text, 3)).toBeNull();
    },
  );

  it("is that of the last one where a name is there twice", () => {
    const place = placeIn('{"x":"first","x":"last"}', 5);
    expect(place).toEqual({ start: 17, end: 23, cutStart: 12, cutEnd: 23 });
  });
});
