import * as fc from "fast-check";
import { expect, it } from "vitest";
import { DeltaSplitter } from "../../../../src/core/profile/delta-splitter.ts";
import { concat, textOf, utf8 } from "../../../contract/bytes.ts";

const MIB = 1024 * 1024;

function split(line: string, chunkBytes: number): string[] {
  const bytes = utf8(line);
  const splitter = new DeltaSplitter();
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes)
    pieces.push(...splitter.push(bytes.subarray(at, at + chunkBytes)));
  const last = splitter.finish();
  if (last) pieces.push(last);
  return pieces.map(textOf);
}

it("takes out the text of the top-level delta, wherever it stands and whatever is around it", () => {
  const around = fc.constantFrom(
    ['{"delta":', ',"type":"T"}'],
    ['{"type":"T","x":{"delta":"no","y":[1,{"delta":2}]},"delta":', "}"],
    ['{ "delta" : ', ' , "a" : "delta" , "b" : "x" }'],
    ['{"a\\"delta":"no","delta":', ',"e":[["delta","f"]]}'],
  );
  fc.assert(
    fc.property(
      around,
      fc.string({ unit: "binary" }),
      fc.integer({ min: 1, max: 9 }),
      (parts, text, size) => {
        const [before = "", behind = ""] = parts;
        const pieces = split(`${before}${JSON.stringify(text)}${behind}`, size);
        expect(pieces.map((piece) => JSON.parse(`"${piece}"`) as string).join("")).toBe(text);
      },
    ),
  );
});

it("cuts a long text where neither an escape, a character nor a pair is broken", () => {
  const units = [
    String.raw`\ud83d\ude00`,
    "\u{1f600}",
    "\u00e9",
    String.raw`\\`,
    String.raw`\"`,
    "x",
  ];
  for (const [shift, unit] of units.entries()) {
    const literal = "y".repeat(shift) + unit.repeat(Math.ceil((1.3 * MIB) / unit.length));
    const pieces = split(`{"delta":"${literal}"}`, 60_001);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("") === literal).toBe(true);
    for (const piece of pieces) {
      expect(utf8(piece).length).toBeLessThan(MIB + 64);
      expect(() => JSON.parse(`"${piece}"`) as string).not.toThrow();
      expect(piece.endsWith("\\ud83d")).toBe(false);
    }
  }
});

it("finds places to cut in a text of first halves alone", () => {
  const literal = String.raw`\ud83d`.repeat(MIB / 2);
  const pieces = split(`{"delta":"${literal}"}`, 64 * 1024);
  expect(pieces.join("") === literal).toBe(true);
  expect(concat(pieces.map(utf8)).length).toBe(literal.length);
});
