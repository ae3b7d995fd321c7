import { expect, it } from "vitest";
import { createKeyedRwLock } from "../../../../src/stream/sync/keyed-rw-lock.ts";

function deferred() {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

it("lets many pass at once, and nobody while it is shut", async () => {
  const gates = createKeyedRwLock();
  const order: string[] = [];
  const inside = deferred();
  const first = gates.pass("a", () => inside.promise.then(() => void order.push("first")));
  await gates.pass("a", async () => void order.push("beside it"));
  const alone = gates.shut("a", async () => void order.push("alone"));
  const late = gates.pass("a", async () => void order.push("late"));
  await gates.pass("b", async () => void order.push("elsewhere"));
  inside.resolve();
  await Promise.all([first, alone, late]);
  expect(order).toEqual(["beside it", "elsewhere", "first", "alone", "late"]);
});

it("lets those who waited pass in the order of their calls, before any who come later", async () => {
  const gates = createKeyedRwLock();
  const order: number[] = [];
  const passes: Promise<unknown>[] = [];
  const pass = (number: number): void =>
    void passes.push(gates.pass("a", async () => void order.push(number)));
  const alone = gates.shut("a", async () => {
    pass(1);
    pass(2);
  });
  // a call in each turn of the queue around the opening
  for (let number = 3; number < 40; number++) {
    pass(number);
    await Promise.resolve();
  }
  await alone;
  await Promise.all(passes);
  const expected = order.toSorted((a, b) => a - b);
  const firstLate = order.filter((number) => number > 2);
  expect(firstLate).toEqual(expected.filter((number) => number > 2));
  expect(order.filter((number) => number < 3)).toEqual([1, 2]);
});

it("is shut for one after the other, and opens whether they succeed or not", async () => {
  const gates = createKeyedRwLock();
  const order: string[] = [];
  const failed = gates.shut("a", async () => {
    order.push("one");
    throw new Error("of the first");
  });
  const second = gates.shut("a", async () => void order.push("two"));
  await expect(failed).rejects.toThrow("of the first");
  await second;
  await gates.pass("a", async () => void order.push("through"));
  await expect(gates.pass("a", () => Promise.reject(new Error("inside")))).rejects.toThrow();
  await gates.shut("a", async () => void order.push("again"));
  expect(order).toEqual(["one", "two", "through", "again"]);
});
