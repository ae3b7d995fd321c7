import { expect, describe, it } from "vitest";
import { collect, codeOf } from "../outcome.ts";
import { utf8 } from "../bytes.ts";
import { FOREIGN_LOG_ID, KEY } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

const OTHER = { project: KEY.project, session: `${KEY.session}-b` };

/** Bodies of runs that wait. */
export function runBodiesSuite(fresh: FreshStore): void {
  describe("bodies of runs that wait", () => {
    it(
      "are given back as they were put, in pieces or none",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        expect(await store.runBody(KEY, logId, "run")).toBeNull();
        await store.putRunBody(KEY, logId, "run", [utf8("on"), utf8(""), utf8("e")]);
        await store.putRunBody(KEY, logId, "../run/\u0000", [utf8("two")]);
        await store.putRunBody(KEY, logId, "empty", []);
        expect(await store.runBody(KEY, logId, "run")).toEqual(utf8("one"));
        expect(await store.runBody(KEY, logId, "../run/\u0000")).toEqual(utf8("two"));
        expect(await store.runBody(KEY, logId, "empty")).toEqual(utf8(""));
      }),
    );

    it(
      "are replaced when they are put again, and may be large",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const large = new Uint8Array(5_000_000).fill(0x61);
        await store.putRunBody(KEY, logId, "run", [utf8("small")]);
        await store.putRunBody(KEY, logId, "run", [large, utf8("b")]);
        const body = await store.runBody(KEY, logId, "run");
        expect(body?.length).toBe(large.length + 1);
        expect(body?.subarray(-2)).toEqual(utf8("ab"));
      }),
    );

    it(
      "are removed, and nothing happens if there is none",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        await store.putRunBody(KEY, logId, "run", [utf8("one")]);
        await store.putRunBody(KEY, logId, "other", [utf8("two")]);
        await store.removeRunBody(KEY, logId, "run");
        await store.removeRunBody(KEY, logId, "run");
        expect(await store.runBody(KEY, logId, "run")).toBeNull();
        expect(await store.runBody(KEY, logId, "other")).toEqual(utf8("two"));
      }),
    );

    it(
      "go with their session, and belong to no other one",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const { logId: otherId } = await store.create(OTHER);
        await store.putRunBody(KEY, logId, "run", [utf8("one")]);
        await store.putRunBody(OTHER, otherId, "run", [utf8("two")]);
        for (const operation of [
          store.putRunBody(KEY, FOREIGN_LOG_ID, "run", []),
          store.runBody(KEY, FOREIGN_LOG_ID, "run"),
          store.removeRunBody(KEY, FOREIGN_LOG_ID, "run"),
        ])
          expect(await codeOf(operation)).toBe("log-not-found");
        await store.delete(KEY);
        const { logId: again } = await store.create(KEY);
        expect(await store.runBody(KEY, again, "run")).toBeNull();
        expect(await store.runBody(OTHER, otherId, "run")).toEqual(utf8("two"));
      }),
    );

    it(
      "are no marks, and count for nothing in the logs",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        await store.putRunBody(KEY, logId, "run", [utf8("one")]);
        expect(await collect(store.openRuns())).toEqual([]);
        expect(await store.stat(KEY)).toMatchObject({
          end: { raw: 0, compact: 0, edits: 0, runs: 0, keyframes: 0, times: 0 },
        });
        expect((await store.list()).items).toHaveLength(1);
      }),
    );
  });
}
