import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createByteBudget } from "../../../../src/stream/sync/byte-budget.ts";
import { ByteRing } from "../../../../src/stream/bytes/byte-ring.ts";

/** Encodes by doubling every byte: a growth that the accounting has to notice. */
function doubled(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece].flatMap((byte) => [byte, byte])));
}

function ringOf(limitBytes: number, budgetBytes: number) {
  const budget = createByteBudget(budgetBytes);
  let encoded = 0;
  const ring = new ByteRing({
    limitBytes,
    budget,
    encode: (pieces) => {
      encoded++;
      return doubled(pieces);
    },
  });
  return { ring, budget, encodedTimes: () => encoded };
}

describe("ByteRing", () => {
  it("encodes a span once for all readers", () => {
    const { ring, encodedTimes } = ringOf(1000, 1000);
    ring.push(0, [Uint8Array.of(1, 2)]);
    const first = ring.read(0);
    expect(first).toEqual({ bytes: Uint8Array.of(1, 1, 2, 2), end: 2 });
    expect(ring.read(0)?.bytes).toBe(first?.bytes);
    expect(encodedTimes()).toBe(1);
  });

  it("gives a reader that lags by several spans all of them as one", () => {
    const { ring } = ringOf(1000, 1000);
    for (let at = 0; at < 3; at++) {
      ring.push(at, [Uint8Array.of(at)]);
      ring.read(at);
    }
    const hit = ring.read(0);
    expect(hit).toEqual({ bytes: Uint8Array.of(0, 0, 1, 1, 2, 2), end: 3 });
    expect(ring.read(0)?.bytes).toBe(hit?.bytes);
  });

  it("knows nothing off a span's start, before the oldest, or at the end", () => {
    const { ring } = ringOf(4, 1000);
    ring.push(0, [Uint8Array.of(1, 2)]);
    ring.read(0);
    ring.push(2, [Uint8Array.of(3, 4)]);
    expect(ring.read(1)).toBeNull();
    expect(ring.read(4)).toBeNull();
    ring.read(2);
    ring.push(4, [Uint8Array.of(5, 6)]);
    expect(ring.read(0)).toBeNull();
  });

  it("empties itself at a gap", () => {
    const { ring } = ringOf(1000, 1000);
    ring.push(0, [Uint8Array.of(1)]);
    ring.push(5, [Uint8Array.of(2)]);
    expect(ring.read(0)).toBeNull();
    expect(ring.read(5)?.end).toBe(6);
  });

  it("never hands out other bytes than were pushed, never holds more than it may, and gives all of it back", () => {
    const push = fc.integer({ min: 1, max: 12 });
    const read = fc.record({ from: fc.nat(400) });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(push, read), { maxLength: 120 }),
        fc.integer({ min: 5, max: 60 }),
        fc.integer({ min: 5, max: 60 }),
        (steps, limit, budgetBytes) => {
          const { ring, budget } = ringOf(limit, budgetBytes);
          const log: number[] = [];
          for (const step of steps) {
            if (typeof step === "number") {
              const bytes = Uint8Array.from({ length: step }, (_, i) => (log.length + i) % 251);
              ring.push(log.length, [bytes]);
              log.push(...bytes);
            } else {
              const hit = ring.read(step.from);
              if (hit)
                expect(hit.bytes).toEqual(
                  doubled([Uint8Array.from(log.slice(step.from, hit.end))]),
                );
            }
            expect(budget.usedBytes).toBe(ring.heldBytes);
            expect(ring.heldBytes).toBeLessThanOrEqual(budgetBytes);
          }
          ring.clear();
          expect(budget.usedBytes).toBe(0);
        },
      ),
    );
  });
});
