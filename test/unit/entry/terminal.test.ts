import { array, assert, constantFrom, integer, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { closest, didYouMean, editsBetween } from "../../../src/entry/closest.ts";
import { tableText } from "../../../src/entry/terminal/table.ts";
import { fitTo, textWidth } from "../../../src/entry/terminal/text-width.ts";

/** What makes text bold on a terminal, and ends that. */
const STYLE = new RegExp(String.raw`\u001b\[\d{1,2}m`, "g");

describe("the width of text on a terminal", () => {
  it.each([
    ["plain", 5],
    ["世界", 4],
    ["한글 カナ", 9],
    ["e\u0301", 1],
    ["👩‍👩‍👧", 2],
    ["\u{1f600}!", 3],
    ["ｆｕｌｌ", 8],
    ["", 0],
  ])("of %j is %i", (text, width) => expect(textWidth(text)).toBe(width));

  it("is never more than is asked for, and text that fits stays as it is", () => {
    const text = array(constantFrom("a", "世", "e\u0301", "👩‍👩‍👧", " ")).map((parts) =>
      parts.join(""),
    );
    assert(
      property(text, integer({ min: 0, max: 30 }), (given, columns) => {
        const fitted = fitTo(given, columns);
        expect(textWidth(fitted)).toBeLessThanOrEqual(columns);
        if (textWidth(given) <= columns) expect(fitted).toBe(given);
        else if (columns > 0) expect(fitted.endsWith("…")).toBe(true);
      }),
    );
  });
});

describe("a table", () => {
  const columns = [
    { head: "NAME" },
    { head: "N", isNumber: true },
    { head: "TEXT", mayBeCut: true },
  ];
  const plain = (text: string): readonly string[] =>
    text.replaceAll(STYLE, "").split("\n").slice(0, -1);

  it("is aligned on a terminal, numbers at the right, and cut to its width", () => {
    const rows = [
      ["世界", "7", "a text that is too long for it"],
      ["long-name", "12345", "short"],
    ];
    expect(plain(tableText(columns, rows, { isTTY: true, columns: 36 }))).toEqual([
      "NAME           N  TEXT",
      "世界           7  a text that is to…",
      "long-name  12345  short",
    ]);
  });

  it("is as wide as 80 columns on a terminal that does not know its width", () => {
    const rows = [["name", "1", "x".repeat(200)]];
    const unknown = tableText(columns, rows, { isTTY: true, columns: 0 });
    expect(unknown).toBe(tableText(columns, rows, { isTTY: true, columns: 80 }));
  });

  it("is lines of cells with tabs between them elsewhere, whatever is in these", () => {
    const cell = string({ unit: "binary", maxLength: 20 });
    assert(
      property(array(array(cell, { minLength: 3, maxLength: 3 }), { maxLength: 5 }), (rows) => {
        const text = tableText(columns, rows, { isTTY: false, columns: 20 });
        const lines = text.split("\n").slice(0, -1);
        expect(lines.map((line) => line.split("\t").length)).toEqual(rows.map(() => 3));
      }),
    );
  });

  it("has no line that is wider than the terminal, as far as columns may be cut", () => {
    const cell = string({ unit: "grapheme", maxLength: 60 });
    assert(
      property(array(cell, { maxLength: 5 }), integer({ min: 24, max: 100 }), (cells, width) => {
        const rows = cells.map((text) => ["name", "1", text]);
        for (const line of plain(tableText(columns, rows, { isTTY: true, columns: width })))
          expect(textWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("what was meant", () => {
  it.each([
    ["tial", "tail"],
    ["Serve", "serve"],
    ["exprot", "export"],
    ["lss", "ls"],
    ["nothing-like-it", null],
    ["x", null],
  ])("by %s is %s", (text, meant) => {
    expect(closest(text, ["serve", "ls", "tail", "export", "runs"])).toBe(meant);
  });

  it("is asked in half a sentence, or not at all", () => {
    expect(didYouMean("tial", ["tail"])).toBe(' Did you mean "tail"?');
    expect(didYouMean("tial", ["serve"])).toBe("");
  });

  it("is told by a distance: of none to itself, the same both ways, of one for each change", () => {
    const word = string({ unit: constantFrom("a", "b", "c"), maxLength: 8 });
    assert(
      property(word, word, (a, b) => {
        expect(editsBetween(a, a)).toBe(0);
        expect(editsBetween(a, b)).toBe(editsBetween(b, a));
        expect(editsBetween(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editsBetween(a, `${a}${b}`)).toBe(b.length);
        expect(editsBetween(a, b, 2)).toBe(Math.min(2, editsBetween(a, b)));
      }),
    );
    expect(editsBetween("abcd", "abdc")).toBe(1);
  });
});
