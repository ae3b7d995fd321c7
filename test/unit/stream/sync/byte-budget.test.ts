import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createByteBudget } from "../../../../src/stream/sync/byte-budget.ts";

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Whether `promise` is still open after everything that can happen has happened. */
async function isWaiting(promise: Promise<unknown>): Promise<boolean> {
  let isOpen = true;
  promise.then(
    () => (isOpen = false),
    () => (isOpen = false),
  );
  await settle();
  return isOpen;
}

describe("ByteBudget", () => {
  it("gives what is free and takes it back", () => {
    const budget = createByteBudget(10);
    expect(budget.tryTake(6)).toBe(true);
    expect(budget.tryTake(5)).toBe(false);
    expect(budget.tryTake(4)).toBe(true);
    expect(budget.usedBytes).toBe(10);
    budget.release(10);
    expect(budget.usedBytes).toBe(0);
    expect(() => budget.release(1)).toThrow(RangeError);
    expect(() => budget.tryTake(-1)).toThrow(RangeError);
    expect(() => budget.tryTake(Number.NaN)).toThrow(RangeError);
  });

  it("serves those that wait in the order of arrival, and lets nobody pass by", async () => {
    const budget = createByteBudget(10);
    await budget.take(8);
    const order: string[] = [];
    const large = budget.take(9).then(() => order.push("large"));
    const small = budget.take(1).then(() => order.push("small"));
    expect(budget.tryTake(1)).toBe(false);
    await settle();
    expect(order).toEqual([]);
    budget.release(8);
    await Promise.all([large, small]);
    expect(order).toEqual(["large", "small"]);
    expect(budget.usedBytes).toBe(10);
  });

  it("refuses a plain take that could never succeed", async () => {
    await expect(createByteBudget(10).take(11)).rejects.toThrow(RangeError);
  });

  it("lets the longest-waiting lease go over the limit, and only that one", async () => {
    const budget = createByteBudget(10);
    const [first, second, third] = [budget.lease(), budget.lease(), budget.lease()];
    for (const lease of [first, second, third]) expect(lease.tryGrow(3)).toBe(true);
    expect(first.tryGrow(5)).toBe(false);
    await first.grow(5);
    const waiting = [second.grow(5), third.grow(5)];
    await first.grow(100);
    expect(first.tryGrow(100)).toBe(true);
    expect(budget.usedBytes).toBe(214);
    expect(await isWaiting(Promise.race(waiting))).toBe(true);
    first.release();
    await waiting[0];
    expect(second.heldBytes).toBe(8);
    expect(await isWaiting(waiting[1] ?? settle())).toBe(true);
    second.release();
    await waiting[1];
    expect(budget.usedBytes).toBe(8);
    third.release();
    expect(budget.usedBytes).toBe(0);
  });

  it("gives a lease the overdraft even when a plain take waits before it", async () => {
    const budget = createByteBudget(10);
    const lease = budget.lease();
    await lease.grow(6);
    const plain = budget.take(10);
    await lease.grow(6);
    expect(await isWaiting(plain)).toBe(true);
    lease.release();
    await plain;
    expect(budget.usedBytes).toBe(10);
  });

  it("forgets who gives up, and serves those after it", async () => {
    const budget = createByteBudget(10);
    const holder = budget.lease();
    await holder.grow(20);
    const abort = new AbortController();
    const lease = budget.lease();
    const leaving = [lease.grow(1, abort), budget.take(10, abort)];
    const staying = budget.take(4);
    const reason = new Error("gone");
    abort.abort(reason);
    for (const promise of leaving) await expect(promise).rejects.toBe(reason);
    expect(lease.heldBytes).toBe(0);
    holder.release();
    await staying;
    expect(budget.usedBytes).toBe(4);
    await expect(lease.grow(1, abort)).rejects.toBe(reason);
    expect(budget.usedBytes).toBe(4);
    await lease.grow(1);
  });

  it("serves the next in line when the first one gives up", async () => {
    const budget = createByteBudget(10);
    await budget.take(5);
    const abort = new AbortController();
    const first = budget.take(10, abort);
    const second = budget.take(5);
    abort.abort();
    await expect(first).rejects.toThrow();
    await second;
    expect(budget.usedBytes).toBe(10);
  });

  it("lets a lease grow once at a time", async () => {
    const budget = createByteBudget(1);
    const [holder, lease] = [budget.lease(), budget.lease()];
    await holder.grow(2);
    const growing = lease.grow(1);
    await expect(lease.grow(1)).rejects.toThrow(TypeError);
    holder.release();
    await growing;
    expect(lease.heldBytes).toBe(1);
  });

  it("never deadlocks and never exceeds limit plus largest lease, whoever grows, leaves or aborts", async () => {
    const limit = 20;
    const worker = fc.record({
      isPlain: fc.boolean(),
      sizes: fc.array(fc.integer({ min: 0, max: limit }), { minLength: 1, maxLength: 5 }),
      abortAfter: fc.option(fc.nat(4), { nil: null }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(worker, { minLength: 1, maxLength: 8 }),
        async (scheduler, workers) => {
          const budget = createByteBudget(limit);
          const largest = Math.max(...workers.map(({ sizes }) => sum(sizes)));
          let done = 0;
          const step = async (): Promise<void> => {
            await scheduler.schedule(Promise.resolve());
            expect(budget.usedBytes).toBeLessThanOrEqual(limit + largest);
          };
          const run = async ({ isPlain, sizes, abortAfter }: (typeof workers)[number]) => {
            const abort = new AbortController();
            const aborting = (async () => {
              for (let i = 0; i < (abortAfter ?? 0); i++) await step();
              if (abortAfter !== null) abort.abort();
            })();
            const lease = budget.lease();
            try {
              for (const size of sizes) {
                await step();
                if (isPlain) {
                  await budget.take(size, abort);
                  await step();
                  budget.release(size);
                } else if (!lease.tryGrow(size)) await lease.grow(size, abort);
              }
              await step();
            } catch (error) {
              expect(error).toBe(abort.signal.reason);
            } finally {
              lease.release();
              done++;
            }
            await aborting;
          };
          const all = Promise.all(workers.map(run));
          await scheduler.waitIdle();
          expect(done).toBe(workers.length);
          await all;
          expect(budget.usedBytes).toBe(0);
        },
      ),
      { numRuns: 500 },
    );
  });
});

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}
