import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { expect, it } from "vitest";
import {
  type Entry,
  MessageOrder,
} from "../../../../../src/core/profile/client-view/message-order.ts";
import { MessageList } from "../../../../../src/core/profile/client-view/message-list.ts";
import type { Message } from "../../../../../src/core/profile/repair/repair-message.ts";

const step = record({
  does: constantFrom("append", "insert", "insert", "change", "remove"),
  at: nat(1_000),
  role: constantFrom("assistant", "user", "tool", "tool"),
});

it("a result comes after its call's message and the results that follow it, whatever became of others", () => {
  assert(
    property(array(step, { maxLength: 200 }), (steps) => {
      const order = new MessageOrder();
      const model: Entry[] = [];
      for (const [id, { does, at, role }] of steps.entries()) {
        const message = { id: String(id), role: does === "insert" ? "tool" : role };
        const index = at % Math.max(1, model.length);
        const entry = model[index];
        if (does === "append" || !entry) model.push(order.append(message));
        else if (does === "insert") {
          let end = index + 1;
          while (model[end]?.message.role === "tool") end++;
          model.splice(end, 0, order.insertResult(message, entry));
        } else if (does === "change") {
          const before = entry.message.role;
          entry.message = { ...entry.message, role };
          if (role !== before) order.changedRole(entry, before);
        } else {
          order.remove(entry);
          model.splice(index, 1);
        }
        expect(Array.from(order, (each) => each.message.id)).toEqual(
          model.map((each) => each.message.id),
        );
      }
    }),
    { numRuns: 500 },
  );
});

it("results that come before others again and again find their place, and are compared by it", () => {
  const order = new MessageOrder();
  const owner = order.append({ id: "owner", role: "assistant" });
  const last = order.append({ id: "last", role: "user" });
  const inserted: Entry[] = [];
  for (let at = 0; at < 5_000; at++) {
    const entry = order.insertResult({ id: String(at), role: "tool" }, owner);
    inserted.unshift(entry);
    // what was a result and is none is what the next ones come before
    entry.message = { ...entry.message, role: "user" };
    order.changedRole(entry, "tool");
  }
  expect([...order]).toEqual([owner, ...inserted, last]);
  const places = [...order];
  for (const [at, entry] of places.entries())
    expect(places[at + 1] === undefined || order.isBefore(entry, places[at + 1]!)).toBe(true);
});

/** A list with a call that has very many results, and how often the roles of these were read. */
function listOfResults(count: number) {
  const list = new MessageList({ limitChars: Infinity, room: { tryGrow: () => true } });
  const call = { id: "call", type: "function" as const, function: { name: "n", arguments: "" } };
  list.push({ id: "owner", role: "assistant", toolCalls: [call] });
  let reads = 0;
  const pushResult = (id: string): void => {
    const message: Message = { id, role: "tool", toolCallId: "call", content: "" };
    const get = (): string => (reads++, "tool");
    list.pushResult(Object.defineProperty(message, "role", { get, enumerable: true }));
  };
  for (let at = 0; at < count; at++) pushResult(`result${at}`);
  return { list, pushResult, reads: () => reads };
}

it("snapshots of a run that has made very many results do not look at each of them", () => {
  const { list, pushResult, reads } = listOfResults(2_000);
  pushResult("was result");
  const before = reads();
  for (let at = 0; at < 500; at++) {
    list.merge(
      [
        { id: `new${at}`, role: "user", content: "" },
        // it changes its role each time, as results do not
        { id: "flips", role: at % 2 === 0 ? "user" : "system", content: "" },
        { id: "was result", role: at % 2 === 0 ? "tool" : "user", content: "" },
      ],
      { isOwn: true },
    );
    pushResult(`later${at}`);
  }
  expect(reads() - before).toBeLessThan(500 * 20);
  expect(list.messages.filter(({ role }) => role === "tool")).toHaveLength(2_500);
});
