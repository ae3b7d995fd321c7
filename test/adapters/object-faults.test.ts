import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLogStore, createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { concat, drain, firstDifference, lineOf } from "../contract/bytes.ts";
import { type Command, commandsArbitrary } from "../contract/log-store/commands.ts";
import { createReplica, everythingOf, run } from "../contract/log-store/replica.ts";
import { codeOf } from "../contract/outcome.ts";
import { createFastClock } from "../support/fast-clock.ts";
import { createFaultyBucket, type Fault } from "../support/faulty-bucket.ts";
import { waitFor } from "../support/wait-for.ts";

const KEY = { project: "p", session: "s" };

/** Pauses between tries go by this: a second of it is over in 5 ms. */
const clock: Clock = createFastClock(200);

const HOUR_MS = 3_600_000;
/** A machine may be slow, and the clock is fast: nothing but faults is to decide. */
const PATIENT = { attemptMs: HOUR_MS, closeMs: HOUR_MS, deadlineMs: HOUR_MS, leaseMs: HOUR_MS };

const PLAIN: readonly Fault[] = ["none", "none", "none", "busy", "lost", "landed"];
const READING: readonly Fault[] = ["none", "none", "busy", "lost", "cut", "reset"];
const WRITING: readonly Fault[] = ["none", "none", "busy", "lost", "landed", "late"];

/** Faults by the numbers of `choices`, over and over, and never so many that nothing gets through. */
function faultsBy(choices: readonly number[]): (call: keyof ObjectBucket, key: string) => Fault {
  let at = 0;
  return (call, key) => {
    const choice = choices[at++ % choices.length] ?? 0;
    // what was put late after it was deleted: no store can tell it from what was put again
    const mayBeLate = (call === "put" || call === "putIfAbsent") && key.includes("logs/");
    const faults = call === "get" ? READING : mayBeLate ? WRITING : PLAIN;
    return faults[choice % faults.length] ?? "none";
  };
}

async function compare(commands: readonly Command[], choices: readonly number[]): Promise<void> {
  const memory = createMemoryObjectBucket();
  const bucket = createFaultyBucket(memory, faultsBy(choices));
  const open = () => createObjectLogStore({ bucket, clock, batchMs: 0, ...PATIENT });
  const modelStore = createMemoryLogStore();
  const model = createReplica(modelStore);
  const real = createReplica(open());
  try {
    for (const [i, command] of commands.entries()) {
      if (command.kind === "reopen") {
        await real.store.close();
        real.store = open();
      }
      const want = await run(model, command);
      expect(await run(real, command), `step ${i}: ${JSON.stringify(command)}`).toEqual(want);
    }
    expect(await everythingOf(real), "at the end").toEqual(await everythingOf(model));
  } finally {
    await real.store.close();
  }
}

describe("objects under faults", () => {
  it("loses nothing and doubles nothing, whatever the bucket does to single calls", async () => {
    const choices = fc.array(fc.nat({ max: 5 }), { minLength: 7, maxLength: 60 }).map(
      // at least every third call gets through
      (numbers) => numbers.flatMap((number, i) => (i % 2 === 0 ? [number, 0] : [number])),
    );
    const property = fc.asyncProperty(commandsArbitrary(25), choices, compare);
    await fc.assert(property, { numRuns: 60 });
  });

  it("takes a put that landed without an answer for its own, and goes on after it", async () => {
    const faults: Fault[] = [];
    const memory = createMemoryObjectBucket();
    const bucket = createFaultyBucket(memory, (call, key) =>
      call === "putIfAbsent" && key.includes("/raw/") ? (faults.shift() ?? "none") : "none",
    );
    const store = createObjectLogStore({ bucket, clock, batchMs: 0, ...PATIENT });
    const { logId } = await store.create(KEY);
    faults.push("landed");
    const first = await store.append(KEY, lineOf(100, 1), { logId, expectedEnd: 0 });
    faults.push("late", "late");
    const second = await store.append(KEY, lineOf(100, 2), { logId, expectedEnd: first });
    const third = await store.append(KEY, lineOf(100, 3), { logId, expectedEnd: second });
    expect([first, second, third]).toEqual([100, 200, 300]);
    const bytes = await drain(store.read(KEY, { logId }));
    expect(firstDifference(bytes, concat([lineOf(100, 1), lineOf(100, 2), lineOf(100, 3)]))).toBe(
      -1,
    );
    await store.close();
  });

  it("refuses an append when every try was refused, and takes the next one at the same end", async () => {
    let isBusy = true;
    const bucket = createFaultyBucket(createMemoryObjectBucket(), (_, key) =>
      isBusy && key.includes("/raw/") ? "busy" : "none",
    );
    isBusy = false;
    const store = createObjectLogStore({
      bucket,
      clock,
      batchMs: 0,
      ...PATIENT,
      deadlineMs: 2_000,
    });
    const { logId } = await store.create(KEY);
    isBusy = true;
    const refused = store.append(KEY, lineOf(10), { logId, expectedEnd: 0 });
    const behind = store.append(KEY, lineOf(10), { logId, expectedEnd: 10 });
    expect([await codeOf(refused), await codeOf(behind)]).toEqual(["store-busy", "store-busy"]);
    isBusy = false;
    expect((await store.stat(KEY))?.end.raw).toBe(0);
    expect(await store.append(KEY, lineOf(10), { logId, expectedEnd: 0 })).toBe(10);
    await store.close();
  });

  it("holds an append back whose outcome is open until it is known, and those after it", async () => {
    let isSilent = false;
    const bucket = createFaultyBucket(createMemoryObjectBucket(), (_, key) =>
      isSilent && key.includes("/raw/") ? "lost" : "none",
    );
    const store = createObjectLogStore({
      bucket,
      clock,
      batchMs: 0,
      ...PATIENT,
      deadlineMs: 1_000,
    });
    const { logId } = await store.create(KEY);
    isSilent = true;
    let settled = 0;
    const first = store.append(KEY, lineOf(10), { logId, expectedEnd: 0 }).finally(() => settled++);
    const startMs = clock.now();
    // far beyond the deadline
    await waitFor(() => clock.now() - startMs > 10_000);
    const second = store.append(KEY, lineOf(10), { logId, expectedEnd: 10 });
    expect(settled).toBe(0);
    isSilent = false;
    expect([await first, await second]).toEqual([10, 20]);
    await store.close();
  });
});
