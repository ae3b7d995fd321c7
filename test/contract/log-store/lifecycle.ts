import { describe, expect, it } from "vitest";
import { createLogId, isLogId, logIdTime } from "../../../src/ports/log-id.ts";
import { LOG_NAMES, MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES } from "../../../src/ports/log-store.ts";
import { lineOf, utf8 } from "../bytes.ts";
import { codeOf } from "../outcome.ts";
import { nextTurn } from "../wait-for.ts";
import { KEY, readRaw, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

/** How the log of a session begins and ends within one life of the store. */
export function lifecycleSuite(fresh: FreshStore): void {
  describe("lifecycle", () => {
    describeCreate(fresh);
    describeCreateWith(fresh);
    describeDelete(fresh);

    it(
      "says that it can work",
      fresh(async ({ store }) => {
        expect(await codeOf(store.check())).toBe("resolved");
        await seedLog(store, [utf8("a line\n")]);
        expect(await codeOf(store.check())).toBe("resolved");
      }),
    );
  });
}

function describeCreate(fresh: FreshStore): void {
  it(
    "knows nothing of a session that was not made",
    fresh(async ({ store }) => {
      expect(await store.stat(KEY)).toBeNull();
      await store.create({ ...KEY, project: `${KEY.project}-b` });
      expect(await store.stat(KEY)).toBeNull();
    }),
  );

  it(
    "makes the session's log if there is none, with an identity of 16 characters of [a-z0-9]",
    fresh(async ({ store }) => {
      const made = await store.create(KEY);
      expect(made).toMatchObject({
        end: { raw: 0, compact: 0, edits: 0, runs: 0, keyframes: 0, times: 0 },
        head: null,
        document: null,
      });
      expect(isLogId(made.logId)).toBe(true);
      expect(Number.isSafeInteger(made.createdAtMs)).toBe(true);
      expect(await store.stat(KEY)).toEqual(made);
      expect(await readRaw(store)).toHaveLength(0);
    }),
  );

  it(
    "resolves with what is there when the log exists",
    fresh(async ({ store }) => {
      const { logId } = await seedLog(store, [utf8("kept\n")]);
      await store.setHead(KEY, logId, utf8("a head"));
      await store.setDocument(KEY, logId, utf8("a document"));
      const again = await store.create(KEY);
      expect(again).toMatchObject({
        logId,
        end: { raw: 5, compact: 0, edits: 0, runs: 0, keyframes: 0, times: 0 },
        head: utf8("a head"),
        document: utf8("a document"),
      });
      expect(again).toEqual(await store.stat(KEY));
    }),
  );

  it(
    "makes one log when many make it at once",
    fresh(async ({ store }) => {
      const made = await Promise.all(Array.from({ length: 20 }, () => store.create(KEY)));
      const logIds = new Set(made.map((stat) => stat.logId));
      expect(logIds.size).toBe(1);
      expect(logIds).toContain((await store.stat(KEY))?.logId);
    }),
  );
}

function describeCreateWith(fresh: FreshStore): void {
  const logId = createLogId(Date.UTC(2024, 1, 29));

  it(
    "makes a log with a given id, age, head and document",
    fresh(async ({ store }) => {
      const given = { logId, head: utf8("a head"), document: utf8("a document") };
      const made = await store.create(KEY, given);
      const createdAtMs = logIdTime(logId);
      expect(made).toEqual({ ...made, ...given, createdAtMs });
      expect(Object.values(made.end)).toEqual(LOG_NAMES.map(() => 0));
      given.head.fill(0);
      expect(await store.stat(KEY)).toEqual({ ...made, head: utf8("a head") });
      expect((await store.list()).items).toEqual([{ ...KEY, logId, createdAtMs }]);
      expect(await store.append(KEY, utf8("a line\n"), { logId, expectedEnd: 0 })).toBe(7);
      expect(await readRaw(store)).toEqual(utf8("a line\n"));
    }),
  );

  it(
    "leaves a log alone that is there, whatever it was to be made with",
    fresh(async ({ store }) => {
      const there = await seedLog(store, [utf8("kept\n")]);
      expect(await store.create(KEY, { logId, head: utf8("another") })).toEqual(there);
      expect(await store.stat(KEY)).toEqual(there);
    }),
  );

  it(
    "makes a log with an id that it had before, once that was deleted",
    fresh(async ({ store }) => {
      await store.create(KEY, { logId });
      await store.append(KEY, utf8("a line\n"), { logId, expectedEnd: 0 });
      await store.delete(KEY);
      const again = await store.create(KEY, { logId, document: utf8("a document") });
      expect(again).toMatchObject({ logId, end: { raw: 0 }, head: null });
      expect(await readRaw(store)).toHaveLength(0);
    }),
  );

  it(
    "makes no log with values that are too large, or with an id of another form",
    fresh(async ({ store }) => {
      const head = new Uint8Array(MAX_HEAD_BYTES + 1);
      const document = new Uint8Array(MAX_DOCUMENT_BYTES + 1);
      expect(await codeOf(store.create(KEY, { head }))).toBe("head-too-large");
      expect(await codeOf(store.create(KEY, { document }))).toBe("document-too-large");
      for (const hostile of ["../../somewhere", "", `${logId}/`, logId.toUpperCase()])
        expect(await codeOf(store.create(KEY, { logId: hostile }))).toBe("invalid-input");
      expect(await store.stat(KEY)).toBeNull();
    }),
  );
}

function describeDelete(fresh: FreshStore): void {
  it(
    "removes the session's logs, head and document, and says whether there was a log",
    fresh(async ({ store }) => {
      const { logId } = await seedLog(store, [lineOf(1000)]);
      await store.append(KEY, lineOf(10), { logId, expectedEnd: 0, log: "compact" });
      await store.setHead(KEY, logId, utf8("a head"));
      await store.setDocument(KEY, logId, utf8("a document"));
      expect(await store.delete(KEY)).toBe(true);
      expect(await store.delete(KEY)).toBe(false);
      expect(await store.stat(KEY)).toBeNull();
      const empty = {
        end: { raw: 0, compact: 0, edits: 0, runs: 0, keyframes: 0, times: 0 },
        head: null,
        document: null,
      };
      expect(await store.create(KEY)).toMatchObject(empty);
    }),
  );

  it(
    "leaves every other session alone",
    fresh(async ({ store }) => {
      const others = [
        { project: KEY.project, session: `${KEY.session}-b` },
        { project: `${KEY.project}-b`, session: KEY.session },
        { project: KEY.session, session: KEY.project },
      ];
      await seedLog(store, [utf8("gone\n")]);
      for (const [i, key] of others.entries()) await seedLog(store, [lineOf(100, i)], key);
      await store.delete(KEY);
      for (const [i, key] of others.entries())
        expect(await readRaw(store, key)).toEqual(lineOf(100, i));
    }),
  );

  it(
    "can be made and deleted over and over, never with the same logId",
    fresh(async ({ store }) => {
      const logIds = new Set<string>();
      for (let i = 0; i < 30; i++) {
        const { logId } = await seedLog(store, [lineOf(20 + i, i)]);
        logIds.add(logId);
        expect(await readRaw(store)).toEqual(lineOf(20 + i, i));
        expect(await store.delete(KEY)).toBe(true);
      }
      expect(logIds.size).toBe(30);
    }),
  );

  it(
    "removes one log for one of many that delete it at once",
    fresh(async ({ store }) => {
      await seedLog(store, [utf8("a line\n")]);
      const removed = await Promise.all(Array.from({ length: 10 }, () => store.delete(KEY)));
      expect(removed.filter(Boolean)).toHaveLength(1);
      expect(await store.stat(KEY)).toBeNull();
    }),
  );

  it(
    "is gone for everybody once it is deleted, whoever looked meanwhile",
    fresh(async ({ store }) => {
      for (let round = 0; round < 20; round++) {
        const { logId } = await seedLog(store, [lineOf(100, round)]);
        const progress = { done: false };

        async function look(): Promise<void> {
          while (!progress.done) {
            await store.stat(KEY);
            expect(await codeOf(store.setHead(KEY, logId, utf8("late")))).toMatch(
              /^(resolved|log-not-found)$/,
            );
            await nextTurn();
          }
        }

        const looking = look();
        expect(await store.delete(KEY)).toBe(true);
        expect(await store.stat(KEY)).toBeNull();
        expect(await store.delete(KEY)).toBe(false);
        progress.done = true;
        await looking;
        expect(await store.stat(KEY)).toBeNull();
      }
    }),
  );

  it(
    "ends a read of the log that is deleted meanwhile: with its bytes or with log-not-found",
    fresh(async ({ store }) => {
      const line = lineOf(900_000);
      const { logId } = await seedLog(store, [line]);
      const reader = store.read(KEY, { logId }).getReader();
      let at = (await reader.read()).value?.length ?? 0;
      await store.delete(KEY);
      await seedLog(store, [lineOf(900_000, 5)]);

      async function rest(): Promise<void> {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          expect(value).toEqual(line.subarray(at, at + value.length));
          at += value.length;
        }
      }

      const outcome = await codeOf(rest());
      expect(["resolved", "log-not-found"]).toContain(outcome);
      if (outcome === "resolved") expect(at).toBe(line.length);
    }),
  );
}
