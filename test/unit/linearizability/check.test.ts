import { assert, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { checkHistory } from "../../../scripts/linearizability/check.ts";
import { createRandom } from "../../../scripts/bench/random.ts";
import type { Effect, History } from "../../../scripts/linearizability/history.ts";
import { smallestViolation } from "../../../scripts/linearizability/shrink.ts";
import { formatTimeline } from "../../../scripts/linearizability/timeline.ts";
import { BREAKS } from "./broken-history.ts";
import { changedHistory } from "./changed-history.ts";
import { naiveCheck } from "./naive-check.ts";
import { randomHistory, type TrueHistory } from "./random-history.ts";

const anyHistory = record({
  seed: integer({ min: 0, max: 2 ** 31 }),
  moments: integer({ min: 1, max: 400 }),
  spread: integer({ min: 1, max: 8 }),
  unknown: integer({ min: 0, max: 40 }),
});

describe("the checker", () => {
  it("accepts every history that a session went through", () => {
    assert(
      property(anyHistory, (options) => {
        const history = randomHistory(options);
        expect(checkHistory(history)).toMatchObject({ is: "linearisable" });
      }),
      { numRuns: 300 },
    );
  });
});

describe("the checker, compared with one that tries every order", () => {
  it("says the same of short histories, possible or not", () => {
    const verdicts = { linearisable: 0, violation: 0 };
    assert(
      property(
        integer({ min: 0, max: 2 ** 31 }),
        integer({ min: 1, max: 8 }),
        integer({ min: 0, max: 6 }),
        (seed, moments, changes) => {
          const random = createRandom(seed);
          let history: History = randomHistory({
            seed,
            moments,
            spread: 4,
            unknown: 15,
            isFull: false,
          });
          for (let change = 0; change < changes; change++)
            history = changedHistory(history, random);
          const is = naiveCheck(history) ? "linearisable" : "violation";
          expect(checkHistory(history)).toMatchObject({ is });
          verdicts[is]++;
        },
      ),
      { numRuns: 1_000 },
    );
    // both are tried: some 50 of 1,000 are violations
    expect(Math.min(verdicts.linearisable, verdicts.violation)).toBeGreaterThan(0);
  });
});

describe("the checker rejects", () => {
  it.for(Object.entries(BREAKS))("%s", ([, breakHistory]) => {
    let broken = 0;
    assert(
      property(
        integer({ min: 0, max: 2 ** 31 }),
        integer({ min: 5, max: 80 }),
        integer({ min: 1, max: 8 }),
        (seed, moments, spread) => {
          // what may still happen would explain much
          const options = { seed, moments, spread, unknown: 0, isFull: false };
          const history = breakHistory(randomHistory(options), createRandom(seed));
          if (!history) return;
          broken++;
          expect(checkHistory(history)).toMatchObject({ is: "violation" });
        },
      ),
      { numRuns: 400 },
    );
    expect(broken).toBeGreaterThan(0);
  });
});

/** Made, written to, and read; then read again without what was written. */
function staleRead(): TrueHistory {
  const at = (moment: number) => ({
    client: `c${moment % 3}`,
    replica: "0",
    invokedAt: moment,
    completedAt: moment + 0.5,
    tookEffectAt: moment,
    incarnation: 1,
  });
  const line = { name: "meta 1", hash: "a", bytes: 10 };
  const read = { kind: "read", log: "log1", from: 0, whole: true } as const;
  return {
    session: "s",
    runQueue: 2,
    refused: [],
    operations: [
      { ...at(1), effect: { kind: "create", created: true } },
      { ...at(2), effect: { ...read, lines: [] } },
      { ...at(3), effect: { kind: "append", name: "meta 1" } },
      { ...at(4), effect: { ...read, lines: [line] } },
      { ...at(5), effect: { ...read, lines: [line] } },
      { ...at(6), effect: { ...read, lines: [] } },
      { ...at(7), effect: { ...read, lines: [line] } },
    ],
  };
}

/** Operations one after the other, a second each; what is written is never read. */
function sequence(...effects: readonly (Effect & { readonly isUnknown?: boolean })[]): History {
  const operations = effects.map(({ isUnknown = false, ...effect }, second) => ({
    client: "c",
    replica: "0",
    invokedAt: second * 1_000,
    completedAt: isUnknown ? null : second * 1_000 + 1,
    effect,
  }));
  return { session: "s", runQueue: 2, refused: [], operations };
}

const EMPTY = { kind: "read", log: null, from: 0, lines: [], whole: true } as const;
const ABSENT = { kind: "absent" } as const;

describe("a session that nobody has made so far", () => {
  it("may be seen empty, and gone again, while a write that is refused is under way", () => {
    const { operations, ...rest } = sequence(ABSENT, EMPTY, ABSENT, EMPTY, ABSENT);
    const refused = { kind: "refused", name: "meta 1" } as const;
    const during = (invokedAt: number, completedAt: number): History => ({
      ...rest,
      operations: [
        ...operations,
        { client: "d", replica: "0", invokedAt, completedAt, effect: refused },
      ],
    });
    expect(checkHistory(during(500, 3_900))).toMatchObject({ is: "linearisable" });
    // it was over before the session was there the second time, or began after it was there
    expect(checkHistory(during(500, 2_500))).toMatchObject({ is: "violation" });
    expect(checkHistory(during(1_500, 3_900))).toMatchObject({ is: "violation" });
  });

  it("is made by a write with unknown outcome, also where an unread event of a runner came first", () => {
    const append = (name: string) => ({ kind: "append", name, isUnknown: true }) as const;
    const emitted = append("emit r1 1 0");
    expect(checkHistory(sequence(emitted, append("meta 1"), EMPTY))).toMatchObject({
      is: "linearisable",
    });
    expect(checkHistory(sequence(emitted, EMPTY))).toMatchObject({ is: "violation" });
  });
});

describe("what is told of a violation", () => {
  it("is the smallest part that is one, with a line for each operation", () => {
    const history = staleRead();
    expect(checkHistory(history)).toMatchObject({ is: "violation" });
    const smallest = smallestViolation(history);
    expect(checkHistory(smallest)).toMatchObject({ is: "violation" });
    const kept = smallest.operations.filter((one) => history.operations.includes(one as never));
    // one that has read the line, and one that has not afterwards
    expect(kept.map(({ effect }) => effect.kind)).toEqual(["read", "read"]);
    const text = formatTimeline(smallest.operations);
    expect(text).toContain("read log log1 from 0 to 0, its end: nothing");
    expect(text).toContain("read log log1 from 0 to 10, its end: meta 1");
    expect(text).toContain("(and 2 other writes, each at any time or not at all)");
  });

  it("is undecided when the search runs out of memory or time", () => {
    const history = randomHistory({ seed: 7, moments: 300, spread: 8, unknown: 0 });
    expect(checkHistory(history, { maxChars: 100 })).toMatchObject({ is: "undecided" });
    expect(checkHistory(history, { timeoutMs: -1 })).toMatchObject({ is: "undecided" });
  });
});
