import { describe, expect, it } from "vitest";
import { hasCode } from "../../src/ports/errors.ts";
import {
  MAX_DELETED_KEYS,
  MAX_OBJECT_NOTES,
  type ObjectBucket,
  type ObjectPage,
} from "../../src/ports/object-bucket.ts";
import { concat, drain, firstDifference, lineOf, utf8 } from "./bytes.ts";
import { codeOf } from "./outcome.ts";
import { withHarness } from "./with-harness.ts";

const MIB = 1024 * 1024;

export interface ObjectBucketContractOptions {
  /** Makes a fresh, empty bucket: called once for each test. */
  readonly create: () => Promise<{
    readonly bucket: ObjectBucket;
    /** Removes all data. */
    dispose(): Promise<void>;
  }>;
}

type FreshBucket = (body: (bucket: ObjectBucket) => Promise<void>) => () => Promise<void>;

/** Defines the tests that every ObjectBucket passes. */
export function objectBucketContract(name: string, { create }: ObjectBucketContractOptions): void {
  const fresh: FreshBucket = (body) => () => withHarness(create, ({ bucket }) => body(bucket));
  describe(`ObjectBucket contract: ${name}`, () => {
    describeObjects(fresh);
    describeConditions(fresh);
    describeListings(fresh);
    describeMultipart(fresh);
    describeDeadUploads(fresh);
  });
}

function describeObjects(fresh: FreshBucket): void {
  it(
    "gives back the notes of what was put, in one piece with its bytes, and none of what was there before",
    fresh(async (bucket) => {
      const notes = `3.0,${"12.cnVu.aWQ".padEnd(MAX_OBJECT_NOTES - 4, "x")}`;
      expect(await bucket.putIfAbsent("a/b", utf8("one"), { tag: "t", notes })).toBe(true);
      expect(await bucket.putIfAbsent("a/b", utf8("other"), { notes: "other" })).toBe(false);
      expect(await bucket.head("a/b")).toEqual({ size: 3, tag: "t", notes });
      const found = await bucket.get("a/b");
      expect(found?.notes).toBe(notes);
      await found?.bytes.cancel();
      await bucket.put("a/b", utf8("two!"), { notes: "4.1" });
      expect(await bucket.head("a/b")).toEqual({ size: 4, tag: "", notes: "4.1" });
      await bucket.put("a/b", utf8("three"));
      expect(await bucket.head("a/b")).toEqual({ size: 5, tag: "" });
      await bucket.delete(["a/b"]);
      await bucket.put("a/b", utf8("four"));
      expect(await bucket.head("a/b")).toEqual({ size: 4, tag: "" });
      const upload = await bucket.multipart("a/c", { notes: "5.0" });
      await upload.part(utf8("five"));
      await upload.complete();
      expect(await bucket.head("a/c")).toEqual({ size: 4, tag: "", notes: "5.0" });
    }),
  );

  it(
    "gives back the bytes, the size and the tag of what was put",
    fresh(async (bucket) => {
      await bucket.put("empty", new Uint8Array(0), { tag: "writer-1.end" });
      expect(await bucket.head("empty")).toEqual({ size: 0, tag: "writer-1.end" });
      for (const size of [1, 1000, 300_000]) {
        const bytes = lineOf(size);
        await bucket.put("some/key", bytes, { tag: "writer-1.0" });
        expect(await bucket.head("some/key")).toEqual({ size, tag: "writer-1.0" });
        const found = await bucket.get("some/key");
        expect({ size: found?.size, tag: found?.tag }).toEqual({ size, tag: "writer-1.0" });
        expect(firstDifference(await bytesOf(bucket, "some/key"), bytes)).toBe(-1);
      }
    }),
  );

  it(
    "gives a range of the bytes, and the size of the whole object",
    fresh(async (bucket) => {
      const bytes = lineOf(100_000);
      await bucket.put("k", bytes);
      for (const [start, end] of [
        [0, 1],
        [0, 100_000],
        [5, 70_001],
        [99_999, 100_000],
        [65_536, undefined],
      ] as const) {
        const range = end === undefined ? { start } : { start, end };
        const found = await bucket.get("k", range);
        if (found === null) throw new Error("It is there");
        expect(found).toMatchObject({ size: 100_000, tag: "" });
        const got = await drain(found.bytes as ReadableStream<Uint8Array<ArrayBuffer>>);
        expect(firstDifference(got, bytes.subarray(start, end))).toBe(-1);
      }
    }),
  );

  it(
    "says null of what is not there",
    fresh(async (bucket) => {
      expect(await bucket.get("nothing")).toBeNull();
      expect(await bucket.get("nothing", { start: 3, end: 5 })).toBeNull();
      expect(await bucket.head("nothing")).toBeNull();
    }),
  );

  it(
    "replaces an object as a whole, and takes keys of any of our characters",
    fresh(async (bucket) => {
      const key = "p/a-b!c!00012!x.y_z~/9007199254740991-0000000000000001";
      await bucket.put(key, utf8("a longer first text"), { tag: "one" });
      await bucket.put(key, utf8("second"), { tag: "two" });
      expect(await bucket.head(key)).toEqual({ size: 6, tag: "two" });
      expect(await bytesOf(bucket, key)).toEqual(utf8("second"));
    }),
  );

  it(
    "deletes many at once, and what is not there without harm",
    fresh(async (bucket) => {
      await bucket.put("stays", utf8("x"));
      const keys = Array.from({ length: 5 }, (_, i) => `k${i}`);
      for (const key of keys) await bucket.put(key, utf8(key));
      const never = Array.from({ length: MAX_DELETED_KEYS - 5 }, (_, i) => `never-${i}`);
      await bucket.delete([...keys, ...never]);
      await bucket.delete([]);
      for (const key of keys) expect(await bucket.head(key)).toBeNull();
      expect((await bucket.list({ prefix: "" })).objects).toEqual([{ key: "stays", size: 1 }]);
    }),
  );

  it(
    "gives a call up when its signal aborts",
    fresh(async (bucket) => {
      const signal = AbortSignal.abort();
      await expect(bucket.put("k", utf8("x"), { signal })).rejects.toThrow();
      await expect(bucket.get("k", { signal })).rejects.toThrow();
      await expect(bucket.list({ prefix: "", signal })).rejects.toThrow();
      expect(await bucket.head("k")).toBeNull();
    }),
  );
}

function describeConditions(fresh: FreshBucket): void {
  it(
    "puts an object if there is none under the key, and says whether it did",
    fresh(async (bucket) => {
      expect(await bucket.putIfAbsent("k", utf8("first"), { tag: "one" })).toBe(true);
      expect(await bucket.putIfAbsent("k", utf8("second!"), { tag: "two" })).toBe(false);
      expect(await bucket.putIfAbsent("k", new Uint8Array(0))).toBe(false);
      expect(await bucket.head("k")).toEqual({ size: 5, tag: "one" });
      await bucket.delete(["k"]);
      expect(await bucket.putIfAbsent("k", new Uint8Array(0))).toBe(true);
      expect(await bucket.putIfAbsent("k", utf8("x"))).toBe(false);
    }),
  );

  it(
    "lets exactly one of many win that put at once",
    fresh(async (bucket) => {
      const puts = Array.from({ length: 12 }, async (_, i) => {
        const put = () => bucket.putIfAbsent("k", utf8(`writer ${i}`), { tag: `w${i}` });
        // a race may also be answered by a refusal to decide it
        for (;;) {
          const code = { code: "resolved" };
          const won = await put().catch(async (error: unknown) => {
            code.code = await codeOf(Promise.reject(error));
            return false;
          });
          if (code.code !== "store-busy") return won;
        }
      });
      const won = await Promise.all(puts);
      expect(won.filter(Boolean)).toHaveLength(1);
      const winner = won.indexOf(true);
      expect(await bytesOf(bucket, "k")).toEqual(utf8(`writer ${winner}`));
    }),
  );
}

function describeListings(fresh: FreshBucket): void {
  it(
    "lists what begins with the prefix, in the order of the bytes, after a key",
    fresh(async (bucket) => {
      const keys = ["a!x/1", "a-b!x/1", "a-b!x/10", "a-b!x/2", "ab!x/1", "b"];
      for (const key of keys.toReversed()) await bucket.put(key, utf8(key));
      const names = async (options: Parameters<ObjectBucket["list"]>[0]): Promise<string[]> =>
        (await bucket.list(options)).objects.map(({ key }) => key);
      expect(await names({ prefix: "" })).toEqual(keys);
      expect(await names({ prefix: "a-b!" })).toEqual(keys.slice(1, 4));
      expect(await names({ prefix: "a-b!", startAfter: "a-b!x/1" })).toEqual(keys.slice(2, 4));
      expect(await names({ prefix: "a-b!", startAfter: "a-b!x/1~" })).toEqual(["a-b!x/2"]);
      expect(await names({ prefix: "", startAfter: "a!~" })).toEqual(keys.slice(1));
      expect(await names({ prefix: "none" })).toEqual([]);
      const { objects } = await bucket.list({ prefix: "b" });
      expect(objects).toEqual([{ key: "b", size: 1 }]);
    }),
  );

  it(
    "comes in pages past 1,000 objects, disjoint and complete",
    fresh(async (bucket) => {
      const keys = Array.from({ length: 1030 }, (_, i) => `k/${String(i).padStart(5, "0")}`);
      for (let i = 0; i < keys.length; i += 50)
        await Promise.all(keys.slice(i, i + 50).map((key) => putSurely(bucket, key)));
      for (const limit of [1000, 400]) {
        const seen: string[] = [];
        let page: ObjectPage;
        do {
          const startAfter = seen.at(-1);
          page = await bucket.list({
            prefix: "k/",
            limit,
            ...(startAfter !== undefined && { startAfter }),
          });
          expect(page.objects.length).toBeLessThanOrEqual(limit);
          seen.push(...page.objects.map(({ key }) => key));
        } while (page.more);
        expect(seen).toEqual(keys);
      }
    }),
  );
}

function describeMultipart(fresh: FreshBucket): void {
  it(
    "makes one object of parts, which is there when all is there",
    fresh(async (bucket) => {
      const parts = [lineOf(5 * MIB, 1), lineOf(5 * MIB, 2), lineOf(1000, 3)];
      const upload = await bucket.multipart("large", { tag: "merged" });
      for (const part of parts) await upload.part(part);
      expect(await bucket.head("large")).toBeNull();
      await upload.complete();
      expect(await bucket.head("large")).toEqual({ size: 10 * MIB + 1000, tag: "merged" });
      expect(firstDifference(await bytesOf(bucket, "large"), concat(parts))).toBe(-1);
    }),
  );

  it(
    "leaves nothing of parts that were thrown away",
    fresh(async (bucket) => {
      const upload = await bucket.multipart("large");
      await upload.part(lineOf(5 * MIB));
      await upload.abort();
      expect(await bucket.head("large")).toBeNull();
      expect((await bucket.list({ prefix: "" })).objects).toEqual([]);
    }),
  );
}

function describeDeadUploads(fresh: FreshBucket): void {
  it(
    "throws away what was begun and never completed, and nothing else",
    fresh(async (bucket) => {
      const dead = await bucket.multipart("dead/large");
      await dead.part(lineOf(5 * MIB));
      await bucket.put("dead/whole", utf8("whole"));
      const other = await bucket.multipart("other/large");
      await other.part(utf8("last"));
      await bucket.abortUploads("dead/");
      await bucket.abortUploads("never/");
      expect(await bucket.head("dead/large")).toBeNull();
      expect(await bytesOf(bucket, "dead/whole")).toEqual(utf8("whole"));
      await other.complete();
      expect(await bytesOf(bucket, "other/large")).toEqual(utf8("last"));
      const again = await bucket.multipart("dead/large");
      await again.part(utf8("again"));
      await again.complete();
      expect(await bytesOf(bucket, "dead/large")).toEqual(utf8("again"));
    }),
  );
}

async function bytesOf(bucket: ObjectBucket, key: string): Promise<Uint8Array> {
  const found = await bucket.get(key);
  if (found === null) throw new Error(`There is no ${key}`);
  return drain(found.bytes as ReadableStream<Uint8Array<ArrayBuffer>>);
}

/** A bucket tries each call once: of a thousand, a busy machine may leave one without an answer. */
async function putSurely(bucket: ObjectBucket, key: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await bucket.put(key, utf8("x"));
    } catch (error) {
      if (tries === 5 || !hasCode(error, "store-busy", "store-unanswered")) throw error;
    }
  }
}
