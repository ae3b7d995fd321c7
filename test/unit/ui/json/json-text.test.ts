import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prettyJson } from "../../../../src/ui/json/pretty-json.ts";
import { shortJson, shortText } from "../../../../src/ui/json/short-json.ts";

describe("pretty JSON", () => {
  it("is the same JSON, with the layout of JSON.stringify", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { text, isCut } = prettyJson(JSON.stringify(value), 1_000_000);
        expect(isCut).toBe(false);
        expect(text).toBe(JSON.stringify(value, null, 2));
      }),
    );
  });

  it("keeps numbers and escapes as they were written", () => {
    const { text } = prettyJson(
      '{"a":1.0,"big":12345678901234567890,"e":"\\u00e9\\"","x":[ ]}',
      1_000,
    );
    expect(text).toBe(
      '{\n  "a": 1.0,\n  "big": 12345678901234567890,\n  "e": "\\u00e9\\"",\n  "x": []\n}',
    );
  });

  it("has no more characters than are wanted, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), fc.nat(60), (json, maxChars) => {
        const whole = prettyJson(json, 1_000_000).text;
        const { text, isCut } = prettyJson(json, maxChars);
        expect(text.length).toBeLessThanOrEqual(maxChars);
        expect(whole.startsWith(text)).toBe(true);
        expect(isCut).toBe(text.length < whole.length);
      }),
    );
  });

  it("of what is a thousand levels deep is not a megabyte of spaces", () => {
    const { text, isCut } = prettyJson(`${"[".repeat(1_000)}1${"]".repeat(1_000)}`, 1_000_000);
    expect(isCut).toBe(false);
    expect(text.length).toBeLessThan(200_000);
  });
});

describe("short JSON", () => {
  it("is cut at so many characters, and whole where there are fewer", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 80 }), (value, maxChars) => {
        const whole = shortJson(value, 1_000_000);
        expect(JSON.parse(whole)).toEqual(JSON.parse(JSON.stringify(value)));
        const short = shortJson(value, maxChars);
        expect(short.length).toBeLessThanOrEqual(maxChars + 1);
        if (whole.length <= maxChars) expect(short).toBe(whole);
        else expect(short.endsWith("…")).toBe(true);
      }),
    );
  });

  it("does not look at what it does not show", () => {
    const trap = {
      get never(): unknown {
        throw new Error("was looked at");
      },
    };
    expect(shortJson(["x".repeat(50), trap], 20)).toBe(`["${"x".repeat(18)}…`);
  });

  it("has no half of a character at its end", () => {
    expect(shortText("a😀b", 2)).toBe("a…");
    expect(shortText("a😀b", 3)).toBe("a😀…");
  });
});
