import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Sha256 } from "../../../../src/stream/bytes/sha256.ts";

it("is the SHA-256 of the bytes, however they come in pieces", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 12 }), (pieces) => {
      const hash = new Sha256();
      const expected = createHash("sha256");
      for (const piece of pieces) {
        hash.update(piece);
        expected.update(piece);
        expect(hash.hex()).toBe(expected.copy().digest("hex"));
      }
    }),
  );
});

it("goes on from a copy without changing what it was made of", () => {
  const hash = new Sha256();
  hash.update(new Uint8Array(100).fill(7));
  const before = hash.hex();
  const duplicate = hash.clone();
  duplicate.update(new Uint8Array(1_000_000).fill(9));
  expect(hash.hex()).toBe(before);
  const bytes = Buffer.concat([Buffer.alloc(100, 7), Buffer.alloc(1_000_000, 9)]);
  expect(duplicate.hex()).toBe(createHash("sha256").update(bytes).digest("hex"));
});
