import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readListBody } from "../../adapters/kubernetes/list-body.ts";
import { codeOf } from "../contract/outcome.ts";

async function read(json: string, sizes: readonly number[]) {
  const bytes = new TextEncoder().encode(json);
  const items: unknown[] = [];
  const frame = await readListBody(pieces(bytes, sizes), (item) =>
    items.push(JSON.parse(new TextDecoder().decode(item))),
  );
  return { items, frame };
}

/** The bytes in pieces of these sizes, again and again. */
async function* pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const PIECES = [
  "a",
  "b",
  "ä",
  "😀",
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ":",
  ",",
  " ",
  "\n",
  '"items":[',
];
const text = fc.string({ unit: fc.constantFrom(...PIECES) });
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.integer(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(text, tie("value"), { maxKeys: 3 }),
  ),
})).value;
const item = fc.dictionary(text, value, { maxKeys: 4 });
const others = fc.record({
  kind: text,
  metadata: fc.record({ continue: text, remaining: value }),
  more: fc.array(value, { maxLength: 3 }),
});
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

describe("kubernetes list bodies", () => {
  it("are taken apart into items and what is around them, however they arrive", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { maxLength: 5 }),
        others,
        sizes,
        fc.boolean(),
        fc.constantFrom(undefined, 1),
        async (items, { kind, metadata, more }, cuts, isFirst, space) => {
          const list = isFirst ? { items, kind, metadata, more } : { more, kind, metadata, items };
          const seen = await read(JSON.stringify(list, null, space), cuts);
          expect(seen.items).toEqual(items);
          expect(seen.frame).toEqual({ ...list, items: [] });
        },
      ),
    );
  });

  it("of a list without items have none", async () => {
    const { items, frame } = await read('{"metadata":{"resourceVersion":"1"},"items":null}', [3]);
    expect(items).toEqual([]);
    expect(frame.metadata?.resourceVersion).toBe("1");
  });

  it("that break off anywhere, or are no JSON, are failures", async () => {
    const json = '{"items":[{"a":1},{"b":"]"}],"metadata":{}}';
    for (let length = 0; length < json.length; length++)
      expect(await codeOf(read(json.slice(0, length), [5]))).toBe("platform-failed");
    expect(await codeOf(read("<html>", [5]))).toBe("platform-failed");
  });

  it("with an item or a frame without end are given up", async () => {
    const endless = async function* (start: string): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode(start);
      for (;;) yield new Uint8Array(1024 * 1024).fill(0x78);
    };
    for (const start of ['{"items":[{"a":"', '{"kind":"'])
      expect(await codeOf(readListBody(endless(start), () => {}))).toBe("platform-failed");
  });
});
