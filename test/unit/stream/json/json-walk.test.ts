import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countValues,
  elements,
  elementsInParts,
  kindAt,
  members,
  membersInParts,
  skipSpace,
  skipValue,
} from "../../../../src/stream/json/json-walk.ts";
import { jsonText, membersText, padded } from "../json-text.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function textAt(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

describe("json-walk", () => {
  it("ends a value where it ends and tells its kind", () => {
    fc.assert(
      fc.property(
        jsonText.value,
        fc.constantFrom("", ",1", "]", "}", " \n", ' ,"x"'),
        (text, more) => {
          const bytes = encoder.encode(` \t${text}${more}`);
          const length = encoder.encode(text).length;
          expect(skipSpace(bytes, 0)).toBe(2);
          for (const at of [0, 2]) {
            expect(skipValue(bytes, at)).toBe(2 + length);
            expect(kindAt(bytes, at)).toBe(kindOf(JSON.parse(text)));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("gives the members of an object in order, doubled names included", () => {
    fc.assert(
      fc.property(membersText(jsonText.value), padded(fc.constant("")), (pairs, gap) => {
        const list = pairs.map(([key, value]) => `${gap}${key}${gap}:${gap}${value}${gap}`);
        const bytes = encoder.encode(`${gap}{${list.join(",") || gap}}${gap}`);
        const found = Array.from(members(bytes, 0), (member) => [
          member.key,
          textAt(bytes, member.valueStart, member.valueEnd),
          textAt(bytes, member.keyStart, skipValue(bytes, member.keyStart)),
        ]);
        expect(found).toEqual(pairs.map(([key, value]) => [JSON.parse(key), value, key]));
      }),
      { numRuns: 500 },
    );
  });

  it("gives the elements of an array in order", () => {
    fc.assert(
      fc.property(
        fc.array(jsonText.value, { maxLength: 6 }),
        padded(fc.constant("")),
        (list, gap) => {
          const bytes = encoder.encode(
            `${gap}[${list.map((e) => gap + e + gap).join(",") || gap}]`,
          );
          const found = Array.from(elements(bytes, 0), ({ start, end }) =>
            textAt(bytes, start, end),
          );
          expect(found).toEqual(list);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("is not impressed by deep nesting", () => {
    const depth = 200_000;
    const bytes = encoder.encode(`[${"[".repeat(depth)}${"]".repeat(depth)},1]`);
    expect(Array.from(elements(bytes, 0))).toHaveLength(2);
  });

  it("says so when there is no object or array", () => {
    expect(() => members(encoder.encode(" [1]"), 0).next()).toThrow(TypeError);
    expect(() => elements(encoder.encode("{}"), 0).next()).toThrow(TypeError);
    expect(() => elements(new Uint8Array(0), 0).next()).toThrow(TypeError);
  });

  it("comes to an end within the bytes on text that is not JSON", () => {
    const noise = fc.string({ unit: fc.constantFrom(...'{}[]",:\\ 1a'.split("")), maxLength: 30 });
    fc.assert(
      fc.property(noise, (text) => {
        const bytes = encoder.encode(text);
        const object = encoder.encode(`{${text}`);
        expect(skipValue(bytes, 0)).toBeLessThanOrEqual(bytes.length);
        for (const { valueEnd } of walk(() => members(object, 0)))
          expect(valueEnd).toBeLessThanOrEqual(object.length);
        for (const { end } of elements(encoder.encode(`[${text}`), 0))
          expect(end).toBeLessThanOrEqual(bytes.length + 1);
      }),
      { numRuns: 1000 },
    );
  });
});

/** The members up to the first whose name cannot be decoded. */
function* walk<T>(start: () => Iterable<T>): Generator<T, void, undefined> {
  try {
    yield* start();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
}

describe("json-walk over large values", () => {
  it("gives the same in parts, between which others have their turn", () => {
    const large = `[${'{"a":["]}\\"",1]},'.repeat(200_000)}[]]`;
    const list = encoder.encode(`[1,${large},"x",{"a":${large}},[] ]`);
    const items = [...elementsInParts(list, 0)];
    expect(items.filter((item) => item !== null)).toEqual([...elements(list, 0)]);
    expect(items.filter((item) => item === null).length).toBeGreaterThan(4);
    const object = encoder.encode(`{"a":1,"b":${large}, "c":{"d":${large}},"b":{} }`);
    const found = [...membersInParts(object, 0)];
    expect(found.filter((member) => member !== null)).toEqual([...members(object, 0)]);
    expect(found.filter((member) => member === null).length).toBeGreaterThan(4);
  });

  it("counts values up to a limit", () => {
    const bytes = encoder.encode(' {"a":[1,"[,{",{"b":null}],"c":true}');
    const all = { start: 0, end: bytes.length };
    expect(countValues(bytes, all, 100)).toBe(7);
    expect(countValues(bytes, all, 3)).toBe(3);
    expect(countValues(bytes, { start: 7, end: 8 }, 100)).toBe(1);
  });
});
