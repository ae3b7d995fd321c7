import { expect, it } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { simulate } from "../../scripts/simulate/simulate.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { utf8 } from "../contract/bytes.ts";

const KEY = { project: "p", session: "s" };
/** `npm run simulate` plays as many as one likes. */
const SEEDS = 200;

it("a session has one log, however often it is taken by processes that know nothing of it", async () => {
  const bucket = createMemoryObjectBucket();
  const logs = new Set<string>();
  for (let taken = 0; taken < 12; taken++) {
    const store = createObjectLogStore({ bucket, clock: systemClock, batchMs: 0 });
    const { logId, end } = await store.create(KEY);
    logs.add(logId);
    expect(end.raw).toBe(3 * taken);
    await store.append(KEY, utf8("{}\n"), { logId, expectedEnd: end.raw });
    await store.close();
  }
  expect(logs.size).toBe(1);
});

it("machines that sleep and die, calls that fail or come late and clocks that differ lose, double and reorder nothing", async () => {
  const sums = { acknowledged: 0, refused: 0, crashes: 0, takeovers: 0 };
  const failed: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed++)
    try {
      const done = await simulate(seed);
      for (const name of ["acknowledged", "refused", "crashes", "takeovers"] as const)
        sums[name] += done[name];
    } catch (error) {
      failed.push(`seed ${seed}: ${String(error)}`);
    }
  expect(failed).toEqual([]);
  // it is a storm indeed
  expect(sums.acknowledged).toBeGreaterThan(50 * SEEDS);
  for (const name of ["refused", "crashes", "takeovers"] as const)
    expect(sums[name]).toBeGreaterThan(SEEDS);
});

it("the same seed does the same", async () => {
  expect(await simulate(42)).toEqual(await simulate(42));
});
