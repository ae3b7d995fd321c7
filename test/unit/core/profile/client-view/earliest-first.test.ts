import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { expect, it, vi } from "vitest";
import { EarliestFirst } from "../../../../../src/core/profile/client-view/earliest-first.ts";
import { MessageOrder } from "../../../../../src/core/profile/client-view/message-order.ts";
import { OwnedCalls } from "../../../../../src/core/profile/client-view/owned-calls.ts";

it("gives the earliest entry first, whatever was put in and taken out in which order", () => {
  const step = record({ at: nat(19), does: constantFrom("set", "delete", "take") });
  assert(
    property(array(step, { maxLength: 300 }), (steps) => {
      const order = new MessageOrder();
      const entries = Array.from({ length: 20 }, (_, i) =>
        order.append({ id: String(i), role: "user" }),
      );
      const earliest = new EarliestFirst<number>(order);
      const expected = new Map<number, number>();
      for (const [value, { at, does }] of steps.entries()) {
        const entry = entries[at]!;
        if (does === "set") {
          earliest.set(entry, value);
          expected.set(at, value);
        } else if (does === "delete") {
          earliest.delete(entry);
          expected.delete(at);
        } else {
          const first = Math.min(...expected.keys());
          const taken = earliest.take();
          expect(taken && [taken.entry.message.id, taken.value]).toEqual(
            expected.size === 0 ? null : [String(first), expected.get(first)],
          );
          expected.delete(first);
        }
        expect(earliest.size).toBe(expected.size);
      }
    }),
  );
});

it("a call that very many messages have finds its next owner without looking at all of them", () => {
  const order = new MessageOrder();
  const calls = new OwnedCalls(order);
  const call = { id: "same", type: "function" as const, function: { name: "n", arguments: "" } };
  const entries = Array.from({ length: 4_000 }, (_, i) =>
    order.append({ id: String(i), role: "assistant", toolCalls: [call] }),
  );
  // those that come last first
  for (const entry of entries.toReversed()) calls.learn(entry);
  const compared = vi.spyOn(order, "isBefore");
  for (const entry of entries) {
    expect(calls.find("same")?.entry).toBe(entry);
    calls.forget(entry);
  }
  expect(calls.find("same")).toBeUndefined();
  expect(calls.isDoubled("same")).toBe(false);
  // each time the logarithm of those that are left, twice
  expect(compared.mock.calls.length).toBeLessThan(4_000 * 2 * 12);
});
