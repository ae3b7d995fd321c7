import { describe, expect, it } from "vitest";
import { createMemoryObjectBucket } from "../../adapters/memory/index.ts";
import { createObjectLogStore } from "../../adapters/object/index.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import { codeOf, collect } from "../contract/outcome.ts";
import { utf8 } from "../contract/bytes.ts";
import { createManualClock } from "../support/manual-clock.ts";

type Unfit = (bucket: ObjectBucket) => Partial<ObjectBucket>;

const UNFIT: Readonly<Record<string, readonly [Unfit, RegExp]>> = {
  "ignores If-None-Match": [
    (bucket) => ({
      putIfAbsent: async (key, bytes, options) => {
        await bucket.put(key, bytes, options);
        return true;
      },
    }),
    /ignores If-None-Match on PUT/,
  ],
  "forgets metadata": [
    (bucket) => ({
      head: async (key) => {
        const found = await bucket.head(key);
        return found && { ...found, tag: "" };
      },
    }),
    /does not keep metadata/,
  ],
  "ignores Range": [(bucket) => ({ get: (key) => bucket.get(key) }), /ignores Range on GET/],
  "lists in no order": [
    (bucket) => ({
      list: async (options) => {
        const page = await bucket.list(options);
        return { ...page, objects: page.objects.toReversed() };
      },
    }),
    /does not list keys in their order/,
  ],
  "lists from the start again": [
    (bucket) => ({ list: (options) => bucket.list({ ...options, startAfter: "" }) }),
    /does not list keys in their order/,
  ],
  "does not delete": [(_bucket) => ({ delete: async () => {} }), /lists objects that were deleted/],
};

describe("a bucket that cannot keep logs", () => {
  it.each(Object.entries(UNFIT))(
    "is refused by the first check: it %s",
    async (_, [unfit, text]) => {
      const bucket = createMemoryObjectBucket();
      const clock = createManualClock();
      const store = createObjectLogStore({ bucket: { ...bucket, ...unfit(bucket) }, clock });
      await expect(store.check()).rejects.toThrow(text);
      await store.close();
    },
  );

  it("is distinguished from one that can, in which nothing is left but what readiness writes", async () => {
    const bucket = createMemoryObjectBucket();
    const store = createObjectLogStore({ bucket, clock: createManualClock() });
    await store.check();
    const { objects } = await bucket.list({ prefix: "" });
    expect(objects.map(({ key }) => key)).toEqual(["runlog.json", "trials/write"]);
    await store.close();
  });
});

describe("the readiness of an object store", () => {
  it("is tried by a put, not more often than every half minute, and sooner after one that failed", async () => {
    const bucket = createMemoryObjectBucket();
    const clock = createManualClock();
    let puts = 0;
    let isFull = false;
    const put: ObjectBucket["put"] = async (key, bytes, options) => {
      if (key.endsWith("/write")) puts++;
      if (isFull) throw new RunlogError("store-busy", "no");
      await bucket.put(key, bytes, options);
    };
    const store = createObjectLogStore({ bucket: { ...bucket, put }, clock });
    for (const _ of [1, 2, 3]) await store.check();
    expect(puts).toBe(1);
    isFull = true;
    clock.advance(31_000);
    for (const _ of [1, 2]) expect(await codeOf(store.check())).toBe("store-busy");
    expect(puts).toBe(2);
    isFull = false;
    clock.advance(3_000);
    await store.check();
    expect(puts).toBe(3);
    await store.close();
  });
});

describe("among the marks in a bucket", () => {
  it("what is none is passed over, and logged once by its key", async () => {
    const bucket = createMemoryObjectBucket();
    const told: unknown[] = [];
    const warn = (event: string, facts?: object): void => void told.push({ event, ...facts });
    const clock = createManualClock();
    const store = createObjectLogStore({ bucket, clock, logger: { warn } });
    const key = { project: "p", session: "s" };
    const { logId } = await store.create(key);
    await store.markOpen(key, logId, "run", "data");
    const odd = ["marks/p!s!x!empty", "marks/p!s!x!null", "marks/p!s!x!large"];
    await bucket.put(odd[0]!, new Uint8Array(0));
    await bucket.put(odd[1]!, utf8("null"));
    await bucket.put(odd[2]!, new Uint8Array(100_000));
    for (const _ of [1, 2])
      expect(await collect(store.openRuns())).toEqual([
        { ...key, logId, runId: "run", data: "data" },
      ]);
    expect(told).toEqual(
      odd.toSorted().map((object) => ({ event: "run-mark-passed-over", object })),
    );
    await store.close();
  });
});
