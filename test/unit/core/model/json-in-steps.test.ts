import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseExact } from "../../../../src/core/model/exact-json.ts";
import { parseInSteps, writeInSteps } from "../../../../src/core/model/json-in-steps.ts";
import { concatBytes } from "../../../../src/stream/bytes/concat.ts";
import { atOnce, type Steps } from "../../../../src/stream/sync/steps.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function rewritten(text: string): string {
  return decode(concatBytes(atOnce(writeInSteps(atOnce(parseInSteps(encode(text)))))));
}

function countOf(steps: Steps<unknown>): number {
  let count = 0;
  while (!steps.next().done) count += 1;
  return count;
}

const FILL = "x".repeat(40_000);
const LONG = [
  `[${"1.0,".repeat(60_000)}1e400]`,
  `{"a":"${FILL}","b":{"c":"${FILL}","d":[2512292042121000001,{"e":"${FILL}${FILL}"}]},"f":null}`,
  `{"__proto__":"${FILL}","b":{"__proto__":["${FILL}${FILL}"]},"2":1,"1":"${FILL}"}`,
  ` [ "${FILL}" , "${FILL}${FILL}" , [ ] , { } , -0 , true ] `,
  `{"a":1,"b":"${FILL}","a":"${FILL}","c":2,"b":3}`,
  `${"[".repeat(40)}"${FILL}${FILL}"${"]".repeat(40)}`,
  `{"${FILL}${FILL}":"${FILL}${FILL}"}`,
  JSON.stringify(Object.fromEntries(Array.from({ length: 9_000 }, (_, at) => [`key ${at}`, at]))),
];

it.each(LONG)("reads and writes long JSON as if it was done at once: %#", (text) => {
  expect(rewritten(text)).toBe(JSON.stringify(parseExact(encode(text))));
});

it("reads and writes any JSON as if it was done at once", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.nat(200), (values, copies) => {
      const text = JSON.stringify({
        values,
        FILL,
        many: Array.from({ length: copies }, () => values),
        again: FILL,
      });
      expect(rewritten(text)).toBe(text);
    }),
  );
});

it("reads a long text of any escapes and characters as if it was done at once", () => {
  const piece = fc.constantFrom(
    "\\\\",
    '\\"',
    "\\n",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\u005c",
    "u",
    "é",
    "😀",
    "x",
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), fc.nat(40), (pieces, shift) => {
      const part = pieces.join("");
      const text = `"${"x".repeat(shift)}${part.repeat(Math.ceil(200_000 / part.length))}"`;
      expect(atOnce(parseInSteps(encode(text)))).toBe(JSON.parse(text));
    }),
  );
});

it("gives others a turn between the parts of a text with escapes", () => {
  const text = JSON.stringify('"'.repeat(1_000_000));
  expect(countOf(parseInSteps(encode(text)))).toBeGreaterThan(text.length / 100_000);
});

it("gives others a turn between the parts of a long value", () => {
  const value = Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`key ${at}`, [at]]));
  const bytes = encode(JSON.stringify(value));
  expect(countOf(parseInSteps(bytes))).toBeGreaterThan(bytes.length / 100_000);
  expect(countOf(writeInSteps(value))).toBeGreaterThan(bytes.length / 100_000);
});
