import { describe, expect, it } from "vitest";
import { type BudgetHold, createSharedBudget } from "../../../../src/stream/sync/shared-budget.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const LIMIT = 1_000;

function start() {
  const clock = createManualClock();
  const budget = createSharedBudget({ limitBytes: LIMIT, timers: clock });
  return { clock, budget, hold: (...groups: string[]) => budget.hold(groups) };
}

/** Lets promises that are settled go on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

async function outcomeOf(promise: Promise<boolean>): Promise<boolean | "waits"> {
  const waits = settled().then((): "waits" => "waits");
  return Promise.race([promise, waits]);
}

async function held(hold: BudgetHold, bytes: number): Promise<BudgetHold> {
  expect(await hold.grow(bytes)).toBe(true);
  return hold;
}

describe("a shared budget", () => {
  it("hurries nobody while there is room", async () => {
    const { clock, budget, hold } = start();
    const slow = await held(hold("a", "p"), 600);
    clock.advance(3_600_000);
    await held(hold("b", "q"), 400);
    expect([slow.revoked.aborted, budget.usedBytes]).toEqual([false, LIMIT]);
  });

  it("never gives more than its limit, and says so at once to whoever wants more than that", async () => {
    const { budget, hold } = start();
    expect(await hold("a").grow(LIMIT + 1)).toBe(false);
    const one = await held(hold("a"), LIMIT);
    expect(await one.grow(1)).toBe(false);
    expect(budget.usedBytes).toBe(LIMIT);
    one.release();
    one.release();
    expect(budget.usedBytes).toBe(0);
    expect(await one.grow(1)).toBe(false);
  });

  it("takes from those who have stood still, as many as it needs and no more", async () => {
    const { clock, budget, hold } = start();
    const stuck = [];
    for (let i = 0; i < 5; i++) stuck.push(await held(hold("a", "p"), 200));
    clock.advance(2_000);
    await held(hold("a", "p"), 300);
    expect(stuck.map(({ revoked }) => revoked.aborted).filter((revoked) => revoked)).toHaveLength(
      2,
    );
    expect(budget.usedBytes).toBeLessThanOrEqual(LIMIT);
    expect(stuck.every(({ revoked, heldBytes }) => heldBytes === (revoked.aborted ? 0 : 200))).toBe(
      true,
    );
  });

  it("lets everybody have some time first: whoever comes waits so long, and then takes", async () => {
    const { clock, hold } = start();
    const other = await held(hold("a", "p"), LIMIT);
    clock.advance(500);
    const wanted = hold("a", "p").grow(10);
    expect(await outcomeOf(wanted)).toBe("waits");
    clock.advance(1_500);
    expect([await wanted, other.revoked.aborted]).toEqual([true, true]);
  });

  it("takes from what has held most memory for the longest time, not from who has come far in a moment", async () => {
    const { clock, hold } = start();
    const trickle = await held(hold("a", "p"), 300);
    clock.advance(60_000);
    const quick = await held(hold("a", "p"), 700);
    clock.advance(2_000);
    await held(hold("a", "p"), 100);
    expect([trickle.revoked.aborted, quick.revoked.aborted]).toEqual([true, false]);
  });

  it("takes from the caller who has most, however small its parts are, then from the project", async () => {
    const { clock, hold } = start();
    const one = await held(hold("b", "p"), 100);
    clock.advance(60_000);
    const many = [];
    for (let i = 0; i < 45; i++) many.push(await held(hold("a", "p"), 10));
    for (let i = 0; i < 45; i++) many.push(await held(hold("a", "q"), 10));
    await many[0]?.grow(0);
    clock.advance(2_000);
    await held(hold("c", "p"), 40);
    expect([one.revoked.aborted, many.filter(({ revoked }) => revoked.aborted).length]).toEqual([
      false,
      4,
    ]);
  });

  it("takes nothing from who has less than the one who wants more", async () => {
    const { clock, hold } = start();
    const small = await held(hold("b", "p"), 100);
    clock.advance(60_000);
    const large = await held(hold("a", "p"), 900);
    const more = large.grow(50);
    clock.advance(4_999);
    expect([await outcomeOf(more), small.revoked.aborted]).toEqual(["waits", false]);
    clock.advance(1);
    expect([await more, small.revoked.aborted, large.revoked.aborted]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("takes nothing of what is whole", async () => {
    const { clock, hold } = start();
    const whole = await held(hold("a", "p"), LIMIT);
    whole.keep();
    clock.advance(60_000);
    const wanted = hold("b", "q").grow(1);
    clock.advance(4_000);
    expect([await outcomeOf(wanted), whole.revoked.aborted]).toEqual(["waits", false]);
    whole.release();
    expect(await wanted).toBe(true);
  });

  it("gives what becomes free to who holds least, in the order in which they came", async () => {
    const { hold } = start();
    const whole = await held(hold("a", "p"), 500);
    const rest = await held(hold("a", "p"), 500);
    const greedy = hold("a", "p").grow(500);
    const first = hold("b", "p").grow(500);
    const second = hold("b", "p").grow(500);
    whole.release();
    expect(await Promise.all([greedy, first, second].map(outcomeOf))).toEqual([
      "waits",
      true,
      "waits",
    ]);
    rest.release();
    expect(await Promise.all([greedy, second].map(outcomeOf))).toEqual([true, "waits"]);
  });

  it("resolves a standstill of those who all want more: the one that came last gives way", async () => {
    const { clock, hold } = start();
    const all = [];
    for (let i = 0; i < 4; i++) all.push(await held(hold("a", "p"), 250));
    clock.advance(1_000);
    const grown = all.map((each) => each.grow(50));
    expect(await Promise.all(grown.map(outcomeOf))).toEqual(["waits", "waits", "waits", "waits"]);
    clock.advance(1_000);
    expect(await Promise.all(grown)).toEqual([true, true, true, false]);
    expect(all.map(({ revoked }) => revoked.aborted)).toEqual([false, false, false, true]);
  });

  it("forgets who waited when they go", async () => {
    const { budget, hold } = start();
    const whole = await held(hold("a"), LIMIT);
    const waiting = hold("b");
    const grown = waiting.grow(10);
    waiting.release();
    expect(await grown).toBe(false);
    whole.release();
    expect(budget.usedBytes).toBe(0);
  });
});
