import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  JsonObjectScanner,
  MAX_CAPTURE_BYTES,
  MAX_JSON_DEPTH,
} from "../../../../src/stream/json/json-scan.ts";
import { chunkSizes, cut } from "../chunks.ts";
import { jsonText, padded } from "../json-text.ts";

const KEYS = ["type", "runId", "run_id"];
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

type Scanned = Readonly<Record<string, string | null>> | "invalid";

/** What the scanner makes of the chunks; it has been used before. */
function scan(chunks: readonly Uint8Array[], scanner = new JsonObjectScanner(KEYS)): Scanned {
  scanner.reset();
  const accepted = chunks.map((chunk) => scanner.push(chunk, 0, chunk.length));
  if (!scanner.end()) return "invalid";
  expect(accepted).not.toContain(false);
  return Object.fromEntries(KEYS.map((key) => [key, scanner.value(key)]));
}

/** What JSON.parse makes of them. */
function parse(bytes: Uint8Array): Scanned {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    return "invalid";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "invalid";
  const members = new Map<string, unknown>(Object.entries(value));
  return Object.fromEntries(
    KEYS.map((key) => {
      const text = members.get(key);
      const isShort = typeof text === "string" && encoder.encode(text).length <= MAX_CAPTURE_BYTES;
      return [key, isShort ? text : null];
    }),
  );
}

/** An object of this depth, itself counted. */
function nested(depth: number): string {
  return `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
}

function scanText(text: string): Scanned {
  return scan([encoder.encode(text)]);
}

describe("JsonObjectScanner", () => {
  it("agrees with JSON.parse on any JSON, however it is cut", () => {
    fc.assert(
      fc.property(padded(jsonText.value), chunkSizes, (text, sizes) => {
        const bytes = encoder.encode(text);
        expect(scan(cut(bytes, sizes))).toEqual(parse(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it("agrees with JSON.parse on objects, whole, byte by byte and cut in two anywhere", () => {
    fc.assert(
      fc.property(padded(jsonText.object), (text) => {
        const bytes = encoder.encode(text);
        const want = parse(bytes);
        const scanner = new JsonObjectScanner(KEYS);
        expect(scan([bytes], scanner)).toEqual(want);
        expect(scan(cut(bytes, [1]), scanner)).toEqual(want);
        for (let at = 0; at <= bytes.length; at++)
          expect(scan([bytes.slice(0, at), bytes.slice(at)], scanner)).toEqual(want);
      }),
      { numRuns: 60 },
    );
  });

  it("agrees with JSON.parse on damaged objects", () => {
    const damage = fc.record({
      at: fc.nat(),
      remove: fc.nat(3),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 2 }),
        fc
          .constantFrom(...'{}[],:"\\+-.0eu \n\t\u0000'.split(""))
          .map((text) => encoder.encode(text)),
      ),
    });
    const scanner = new JsonObjectScanner(KEYS);
    fc.assert(
      fc.property(
        jsonText.object,
        fc.array(damage, { minLength: 1, maxLength: 2 }),
        chunkSizes,
        (text, damages, sizes) => {
          let bytes = encoder.encode(text);
          for (const { at, remove, insert } of damages) {
            const from = at % (bytes.length + 1);
            bytes = Uint8Array.from([
              ...bytes.subarray(0, from),
              ...insert,
              ...bytes.subarray(from + remove),
            ]);
          }
          expect(scan(cut(bytes, sizes), scanner)).toEqual(parse(bytes));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("refuses every proper beginning of an object", () => {
    const text = '{"type":"a\\u0041","b":[1.5e-3,true,null,{}],"c":{"d":false}}';
    const bytes = encoder.encode(text);
    for (let end = 0; end < bytes.length; end++)
      expect(scan([bytes.subarray(0, end)])).toBe("invalid");
    expect(scan([bytes])).toEqual({ type: "aA", runId: null, run_id: null });
  });

  it("reads texts that begin alike as it does the first of them", () => {
    const start = fc.constantFrom(
      '{"type":"A","id":',
      '{"type":"A","id":"m","delta":',
      '{"type":"A","id":"m","runId":"r","delta":',
      '{"type":"B","id":"m","delta":',
      ' {"type" : "A", "id" : 1, "type":"C","delta":',
      '{"id":{"type":"x"},"run_id":"r","delta":',
      '{"type":"A","id":"m","id":[1,"',
      '{"type":"A","t\\u0079pe":"D","delta":',
      `{"type":"A","long":"${"x".repeat(600)}","delta":`,
    );
    const rest = fc.constantFrom(
      '"a"}',
      '"a\\nb","type":"E"}',
      '1,"runId":"s"}',
      '{"type":"y"},"runId":null}',
      "-0.5e3 }",
      '"a"',
      "]}",
      '"\u0001"}',
      "tru}",
      '"a"} x',
      "",
    );
    const text = fc.oneof(
      fc.tuple(start, rest).map((parts) => parts.join("")),
      jsonText.object,
    );
    const cuts = fc.oneof(fc.constant([10_000]), chunkSizes);
    fc.assert(
      fc.property(fc.array(fc.tuple(text, cuts), { maxLength: 40 }), (texts) => {
        const scanner = new JsonObjectScanner(KEYS);
        for (const [one, sizes] of texts) {
          const bytes = encoder.encode(one);
          const want = parse(bytes);
          expect(scan(cut(bytes, sizes), scanner)).toEqual(want);
          if (want !== "invalid") expect(scanner.values).toEqual(KEYS.map((key) => want[key]));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("gives the same values for texts that differ only in what it does not capture", () => {
    const scanner = new JsonObjectScanner(KEYS);
    const valuesOf = (text: string): unknown => {
      expect(scan([encoder.encode(text)], scanner)).not.toBe("invalid");
      return scanner.values;
    };
    valuesOf('{"type":"A","delta":"one"}');
    const values = valuesOf('{"type":"A","delta":"two","seq":2}');
    expect(valuesOf('{"type":"A","delta":"three","seq":3}')).toBe(values);
    expect(valuesOf('{"type":"A","delta":"three","type":"B"}')).toEqual(["B", null, null]);
    expect(values).toEqual(["A", null, null]);
    expect(valuesOf('{"type":"A","delta":4}')).toBe(values);
  });

  it("takes the last of several members of a name, also when it is no string", () => {
    expect(scanText('{"type":"a","type":"b"}')).toMatchObject({ type: "b" });
    expect(scanText('{"type":"a","t\\u0079pe":1}')).toMatchObject({ type: null });
    expect(scanText('{"type":1,"type":"c"}')).toMatchObject({ type: "c" });
  });

  it("captures at the top level only", () => {
    const text =
      '{"a":{"type":"inner"},"b":["type",{"runId":"x"}],"c":"run_id","type":{"type":"y"}}';
    expect(scanText(text)).toEqual({ type: null, runId: null, run_id: null });
  });

  it("gives values up to 256 bytes, decoded, and null for longer ones", () => {
    const fits = "ž".repeat(MAX_CAPTURE_BYTES / 2);
    const escaped = "\\u017e".repeat(MAX_CAPTURE_BYTES / 2);
    for (const [text, want] of [
      [fits, fits],
      [escaped, fits],
      [`${fits}x`, null],
      [`${escaped}x`, null],
      ["\\u0041".repeat(MAX_CAPTURE_BYTES), "A".repeat(MAX_CAPTURE_BYTES)],
      ["\\u0041".repeat(MAX_CAPTURE_BYTES + 1), null],
      ["x".repeat(100_000), null],
    ] as const) {
      const bytes = encoder.encode(`{"run_id":"r","type":"${text}"}`);
      for (const sizes of [[bytes.length], [1], [300]])
        expect(scan(cut(bytes, sizes))).toEqual({ type: want, runId: null, run_id: "r" });
    }
  });

  it("does not mistake a long key for a wanted one", () => {
    const scanner = new JsonObjectScanner(["k".repeat(MAX_CAPTURE_BYTES)]);
    for (const [length, want] of [
      [MAX_CAPTURE_BYTES, "v"],
      [MAX_CAPTURE_BYTES * 7, null],
    ] as const) {
      const bytes = encoder.encode(`{"${"k".repeat(length)}":"v"}`);
      for (const sizes of [[bytes.length], [100]]) {
        scanner.reset();
        for (const chunk of cut(bytes, sizes)) scanner.push(chunk, 0, chunk.length);
        expect(scanner.end()).toBe(true);
        expect(scanner.value("k".repeat(MAX_CAPTURE_BYTES))).toBe(want);
      }
    }
  });

  it("accepts nesting up to its limit and refuses more", () => {
    expect(scanText(nested(MAX_JSON_DEPTH))).not.toBe("invalid");
    expect(scanText(nested(MAX_JSON_DEPTH + 1))).toBe("invalid");
  });

  it("can be used again after any text, wherever it broke off", () => {
    const scanner = new JsonObjectScanner(KEYS);
    for (const broken of [
      '{"type":"\\u00',
      '{"a":-',
      '{"a":tr',
      '{"type',
      "x",
      '{"type":"a"}}',
      "",
    ]) {
      scan([encoder.encode(broken)], scanner);
      expect(scan([encoder.encode("{}")], scanner)).toEqual({
        type: null,
        runId: null,
        run_id: null,
      });
      expect(scan([encoder.encode('{"type":"n\\u0065w"}')], scanner)).toMatchObject({
        type: "new",
      });
    }
  });

  it("looks at the given range only", () => {
    const bytes = encoder.encode('xx{"type":"a"}yy');
    const scanner = new JsonObjectScanner(KEYS);
    expect(scanner.push(bytes, 2, 9)).toBe(true);
    expect(scanner.push(bytes, 9, bytes.length - 2)).toBe(true);
    expect(scanner.end()).toBe(true);
    expect(scanner.value("type")).toBe("a");
    expect(scanner.value("never asked for")).toBeNull();
  });
});
