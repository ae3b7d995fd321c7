import { describe, expect, it } from "vitest";
import { spliceBytes } from "../../../../src/stream/json/splice.ts";

const bytes = new TextEncoder().encode("0123456789");
const text = (pieces: readonly Uint8Array[]) =>
  pieces.map((piece) => new TextDecoder().decode(piece)).join("");

describe("spliceBytes", () => {
  it("inserts and replaces in any order", () => {
    const splices = [
      { start: 8, end: 10, text: "Y" },
      { start: 0, end: 0, text: "a" },
      { start: 0, end: 0, text: "b" },
      { start: 3, end: 5, text: "X" },
    ];
    expect(text(spliceBytes(bytes, splices))).toBe("ab012X567Y");
  });

  it("does only what lies in its range", () => {
    expect(text(spliceBytes(bytes, [{ start: 4, end: 4, text: "-" }], { start: 3, end: 6 }))).toBe(
      "3-45",
    );
  });

  it("refuses splices that overlap or leave the range", () => {
    const overlap = [
      { start: 2, end: 5, text: "" },
      { start: 4, end: 6, text: "" },
    ];
    expect(() => spliceBytes(bytes, overlap)).toThrow(RangeError);
    expect(() =>
      spliceBytes(bytes, [{ start: 5, end: 8, text: "" }], { start: 3, end: 6 }),
    ).toThrow(RangeError);
  });
});
