import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BoundedMap } from "../../../../src/stream/sync/bounded-map.ts";

type Command =
  | { readonly kind: "set"; readonly key: number; readonly value: number }
  | { readonly kind: "delete"; readonly key: number };

const key = fc.nat({ max: 8 });
const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("set" as const), key, value: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
);

describe("a bounded map", () => {
  it("holds the entries that were set last and not deleted, and no more than it may", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array<Command>(command, { maxLength: 60 }),
        (most, commands) => {
          const map = new BoundedMap<number, number>(most);
          let model: { readonly key: number; readonly value: number }[] = [];
          for (const next of commands) {
            const known = model.some((entry) => entry.key === next.key);
            model = model.filter((entry) => entry.key !== next.key);
            if (next.kind === "set") {
              map.set(next.key, next.value);
              model = [...model, next].slice(-most);
            } else expect(map.delete(next.key)).toBe(known);
            expect(map.size).toBe(model.length);
            for (let one = 0; one <= 8; one++) {
              const entry = model.find((other) => other.key === one);
              expect(map.get(one)).toBe(entry?.value);
              expect(map.has(one)).toBe(entry !== undefined);
            }
          }
        },
      ),
    );
  });
});
