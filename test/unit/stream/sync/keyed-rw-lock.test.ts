import { expect, it } from "vitest";
import { createKeyedRwLock } from "../../../../src/stream/sync/keyed-rw-lock.ts";

function deferred() {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

it("lets many share it at once, and nobody while one has it exclusively", async () => {
  const locks = createKeyedRwLock();
  const order: string[] = [];
  const inside = deferred();
  const first = locks.shared("a", () => inside.promise.then(() => void order.push("first")));
  await locks.shared("a", async () => void order.push("beside it"));
  const alone = locks.exclusive("a", async () => void order.push("alone"));
  const late = locks.shared("a", async () => void order.push("late"));
  await locks.shared("b", async () => void order.push("elsewhere"));
  inside.resolve();
  await Promise.all([first, alone, late]);
  expect(order).toEqual(["beside it", "elsewhere", "first", "alone", "late"]);
});

it("lets those who waited pass in the order of their calls, before any who come later", async () => {
  const locks = createKeyedRwLock();
  const order: number[] = [];
  const passes: Promise<unknown>[] = [];
  const pass = (number: number): void =>
    void passes.push(locks.shared("a", async () => void order.push(number)));
  const alone = locks.exclusive("a", async () => {
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
  const locks = createKeyedRwLock();
  const order: string[] = [];
  const failed = locks.exclusive("a", async () => {
    order.push("one");
    throw new Error("of the first");
  });
  const second = locks.exclusive("a", async () => void order.push("two"));
  await expect(failed).rejects.toThrow("of the first");
  await second;
  await locks.shared("a", async () => void order.push("through"));
  await expect(locks.shared("a", () => Promise.reject(new Error("inside")))).rejects.toThrow();
  await locks.exclusive("a", async () => void order.push("again"));
  expect(order).toEqual(["one", "two", "through", "again"]);
});
