import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLabel } from "../../../../src/ports/label.ts";
import {
  isOwnLabel,
  isReadableLabel,
  labelOf,
  textOfLabel,
} from "../../../../src/stream/text/dns-label.ts";

const SMALL = "abcdefghijklmnopqrstuvwxyz0123456789".split("");
const ALL = [...SMALL, ..."ABCDEFGHIJKLMNOPQRSTUVWXYZ._:~@-".split("")];
const HASHED = /^x--[0-9a-f]{52}$/;

const anyText = fc.string({ unit: fc.constantFrom(...ALL), minLength: 1, maxLength: 128 });
/** Texts that differ in little: in the case of a letter, or by what an escape is made of. */
const closeText = fc.string({
  unit: fc.constantFrom("x", "X", "a", "A", "-", "0", "_"),
  minLength: 1,
  maxLength: 12,
});
const ownLabel = fc
  .string({ unit: fc.constantFrom(...SMALL, "-"), minLength: 1, maxLength: 63 })
  .filter(isLabel);
/** Texts, and labels that were made, to any depth. */
const text = fc.oneof(
  anyText,
  closeText,
  ownLabel,
  anyText.map(labelOf),
  closeText.map((inner) => labelOf(labelOf(inner))),
  ownLabel.map((inner) => `x${inner}--00000000`),
);

describe("labelOf", () => {
  it.each([
    ["hello", "hello"],
    ["9-a", "9-a"],
    ["x--a", "x--a"],
    ["x".repeat(63), "x".repeat(63)],
    ["A001", "x-a001--8e7d97a7"],
    ["thread_abc", "xthread-1abc--847fc526"],
    ["-", "x-0--3973e022"],
    ["...", "x-2-2-2--ab5df625"],
    ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "x01-a-r-z3-n-d-e-k-t-s-v4-r-r-f-f-q69-g5-f-a-v--8eac53b3"],
  ])("of %j is %j", (name, label) => {
    expect(labelOf(name)).toBe(label);
    expect(textOfLabel(label)).toBe(name);
  });

  it("of a text with too much to escape is a hash, from which the text cannot be read", () => {
    const long = "x".repeat(64);
    expect(labelOf(long)).toBe("x--7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6");
    expect(isReadableLabel(long)).toBe(false);
    expect(textOfLabel(labelOf(long))).toBeNull();
  });

  it("of the label of another text is another one: what looks like one that is made is escaped", () => {
    for (const name of ["A001", "thread_abc", "x".repeat(64)]) {
      const label = labelOf(name);
      expect(isOwnLabel(label)).toBe(false);
      expect(labelOf(label)).not.toBe(label);
    }
    // no text has these for its label: they stand for themselves
    for (const label of ["x-a001--00000000", "xhello--2cf24dba", "x--abc", "xn--nxasmq6b"])
      expect(labelOf(label)).toBe(label);
  });

  it("throws for a character that no name has", () => {
    for (const name of ["a/b", "ü", "a b", "a\0"]) expect(() => labelOf(name)).toThrow(TypeError);
  });

  it("is a label, leads back to its text unless it is a hash, and is the text where it can be", () => {
    fc.assert(
      fc.property(text, (name) => {
        const label = labelOf(name);
        expect(isLabel(label)).toBe(true);
        expect(textOfLabel(label)).toBe(HASHED.test(label) ? null : name);
        expect(isReadableLabel(name)).toBe(!HASHED.test(label));
        expect(isOwnLabel(name)).toBe(label === name);
        if (isLabel(name) && !/^x.*--[0-9a-f]{8}$|^x--/.test(name)) expect(label).toBe(name);
      }),
      { numRuns: 3_000 },
    );
  });

  it("is one that no other text has, also where file systems fold case", () => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { minLength: 2, maxLength: 30 }), (names) => {
        const labels = names.map((name) => labelOf(name).toLowerCase());
        expect(new Set(labels).size).toBe(names.length);
      }),
      { numRuns: 1_000 },
    );
  });

  it("reads any label as one text, which has that label or is the label itself", () => {
    fc.assert(
      fc.property(fc.oneof(ownLabel, text.map(labelOf)), (label) => {
        const name = textOfLabel(label);
        if (name !== null && name !== label) expect(labelOf(name)).toBe(label);
      }),
      { numRuns: 1_000 },
    );
  });
});
