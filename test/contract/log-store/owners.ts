import { describe, expect, it } from "vitest";
import { textOf, utf8 } from "../bytes.ts";
import { FOREIGN_LOG_ID, KEY, readRaw, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

const HERE = { kind: "here" };

/** Which process has a session: here there is one. */
export function ownersSuite(fresh: FreshStore): void {
  describe("owners", () => {
    it(
      "has a session that it has written",
      fresh(async ({ store }) => {
        await seedLog(store, [utf8("a line\n")]);
        expect(store.owns(KEY)).toBe(true);
        expect(await store.ownerOf(KEY)).toEqual(HERE);
      }),
    );

    it(
      "takes a session that nobody has, whether there is a log or not",
      fresh(async ({ store }) => {
        expect(await store.acquire(KEY)).toEqual(HERE);
        expect(store.owns(KEY)).toBe(true);
        expect(await store.ownerOf(KEY)).toEqual(HERE);
        expect(await store.stat(KEY)).toBeNull();
        await seedLog(store, [utf8("a line\n")]);
        expect(await store.acquire(KEY)).toEqual(HERE);
        expect(textOf((await readRaw(store)) ?? utf8("no log"))).toBe("a line\n");
      }),
    );

    it(
      "lets a session go, with all that is in it, and takes it again",
      fresh(async ({ store }) => {
        await store.acquire(KEY);
        await store.release(KEY);
        const { logId, end } = await seedLog(store, [utf8("first\n")]);
        await store.acquire(KEY);
        await store.release(KEY);
        expect((await store.stat(KEY))?.end).toEqual(end);
        expect(await store.acquire(KEY)).toEqual(HERE);
        await store.append(KEY, utf8("second\n"), { logId, expectedEnd: end.raw });
        expect(textOf((await readRaw(store)) ?? utf8("no log"))).toBe("first\nsecond\n");
      }),
    );

    it(
      "lets go of a session that it does not have, and of one under way, which is not harmed",
      fresh(async ({ store }) => {
        await store.release({ ...KEY, session: "never-made" });
        const { logId } = await store.create(KEY, { logId: FOREIGN_LOG_ID });
        const append = store.append(KEY, utf8("a line\n"), { logId, expectedEnd: 0 });
        await store.release(KEY);
        expect(await append).toBe(7);
        await store.markOpen(KEY, logId, "run-1", "open");
        await store.release(KEY);
        expect(store.owns(KEY)).toBe(true);
        expect(await store.append(KEY, utf8("more\n"), { logId, expectedEnd: 7 })).toBe(12);
      }),
    );
  });
}
