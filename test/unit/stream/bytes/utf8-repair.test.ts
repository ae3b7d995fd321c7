import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Utf8Repair } from "../../../../src/stream/bytes/utf8-repair.ts";
import { chunkSizes, cut } from "../chunks.ts";

const encoder = new TextEncoder();

function repair(chunks: readonly Uint8Array[]): { bytes: number[]; repaired: number } {
  const repairer = new Utf8Repair();
  const out = chunks.map((chunk) => repairer.push(chunk));
  out.push(repairer.finish());
  return { bytes: out.flatMap((part) => [...part]), repaired: repairer.repaired };
}

function decodeWhole(bytes: Uint8Array): number[] {
  return [...encoder.encode(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes))];
}

/** Leads, continuations and borders of the ranges, so that nearly valid sequences are common. */
const hostileByte = fc.constantFrom(
  0x00,
  0x41,
  0x7f,
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xbf,
  0xc0,
  0xc1,
  0xc2,
  0xdf,
  0xe0,
  0xe1,
  0xec,
  0xed,
  0xee,
  0xef,
  0xbb,
  0xf0,
  0xf1,
  0xf3,
  0xf4,
  0xf5,
  0xff,
);
const hostile = fc.array(hostileByte, { maxLength: 30 }).map((bytes) => Uint8Array.from(bytes));

describe("Utf8Repair", () => {
  it("makes of any bytes what TextDecoder makes of the whole, however they are cut", () => {
    fc.assert(
      fc.property(
        fc.oneof(hostile, fc.uint8Array({ maxLength: 30 })),
        chunkSizes,
        (bytes, sizes) => {
          const { bytes: got, repaired } = repair(cut(bytes, sizes));
          const want = decodeWhole(bytes);
          expect(got).toEqual(want);
          const isSame = want.length === bytes.length && want.every((byte, i) => byte === bytes[i]);
          expect(repaired > 0).toBe(!isSame);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("passes well-formed text on as it is, however it is cut", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 20 }), chunkSizes, (text, sizes) => {
        const bytes = encoder.encode(text);
        expect(repair(cut(bytes, sizes))).toEqual({ bytes: [...bytes], repaired: 0 });
      }),
      { numRuns: 500 },
    );
  });

  it("hands out the same array, or a view of it without its incomplete end", () => {
    const repairer = new Utf8Repair();
    const whole = encoder.encode("\ufeffžluť 😀");
    expect(repairer.push(whole)).toBe(whole);
    const open = whole.subarray(0, whole.length - 1);
    const passed = repairer.push(open);
    expect(passed.buffer).toBe(whole.buffer);
    expect(passed.length).toBe(whole.length - 4);
    expect([...repairer.push(whole.subarray(whole.length - 1))]).toEqual([...encoder.encode("😀")]);
    expect(repairer.finish()).toHaveLength(0);
    expect(repairer.repaired).toBe(0);
  });

  it("finds a byte that is out of place wherever it is in memory", () => {
    for (let offset = 0; offset < 8; offset++)
      for (let length = 0; length < 14; length++) {
        const bytes = new Uint8Array(32).fill(0x41).subarray(offset, offset + length);
        expect(repair([bytes])).toEqual({ bytes: [...bytes], repaired: 0 });
        for (let at = 0; at < length; at++) {
          const broken = new Uint8Array(32).fill(0x41).subarray(offset, offset + length);
          broken[at] = 0x80;
          expect(repair([broken])).toEqual({ bytes: decodeWhole(broken), repaired: 1 });
        }
      }
  });

  it("counts the chunks in which something was replaced", () => {
    const bad = Uint8Array.of(0xff, 0xff);
    expect(repair([bad, encoder.encode("ok"), bad, Uint8Array.of(0xe2, 0x82)])).toEqual({
      bytes: [...encoder.encode("\ufffd\ufffdok\ufffd\ufffd\ufffd")],
      repaired: 3,
    });
  });
});
