import { describe, expect, it } from "vitest";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { lineOf, utf8 } from "../bytes.ts";
import { nextTurn } from "../wait-for.ts";
import { KEY, readRaw, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

type Name = "head" | "document";

function set(store: LogStore, name: Name, logId: string, value: Uint8Array): Promise<void> {
  return name === "head" ? store.setHead(KEY, logId, value) : store.setDocument(KEY, logId, value);
}

/** The head and the document: small values that are replaced as a whole. */
export function valuesSuite(fresh: FreshStore): void {
  it(
    "the document is to be had alone, also by who has not opened the log, until the log goes",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      expect(await store.document(KEY, logId)).toBeNull();
      for (const value of [utf8("first"), utf8("second")]) {
        await store.setDocument(KEY, logId, value);
        expect(await store.document(KEY, logId)).toEqual(value);
      }
      await store.delete(KEY);
      await expect(store.document(KEY, logId)).rejects.toMatchObject({ code: "log-not-found" });
    }),
  );

  describe.each(["head", "document"] as const)("%s", (name) => {
    it(
      "is null until it is set, then as last set",
      fresh(async ({ store }) => {
        const { logId, ...stat } = await store.create(KEY);
        expect(stat[name]).toBeNull();
        for (const value of [
          utf8('{"status":"idle"}'),
          new Uint8Array([0, 255, 10, 13]),
          utf8(""),
        ]) {
          await set(store, name, logId, value);
          expect((await store.stat(KEY))?.[name]).toEqual(value);
          expect((await store.create(KEY))[name]).toEqual(value);
        }
      }),
    );

    it(
      "is the store's own copy: what becomes of the bytes afterwards does not matter",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const bytes = utf8("as it was set");
        await set(store, name, logId, bytes);
        bytes.fill(0);
        expect((await store.stat(KEY))?.[name]).toEqual(utf8("as it was set"));
      }),
    );

    it(
      "is replaced atomically: who looks sees one value or another, never a mixture",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        await set(store, name, logId, uniform(0));
        const progress = { done: false };

        async function look(): Promise<void> {
          while (!progress.done) {
            const value = (await store.stat(KEY))?.[name] ?? null;
            expect(value).toEqual(uniform(value?.[0] ?? -1));
            await nextTurn();
          }
        }

        async function write(): Promise<void> {
          for (let i = 1; i <= 40; i++) await set(store, name, logId, uniform(i));
          progress.done = true;
        }

        await Promise.all([look(), write()]);
        expect((await store.stat(KEY))?.[name]).toEqual(uniform(40));
      }),
    );

    it(
      "is the last of those that were set at once",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const numbers = Array.from({ length: 20 }, (_, i) => i);
        await Promise.all(numbers.map((i) => set(store, name, logId, uniform(i))));
        const value = (await store.stat(KEY))?.[name] ?? null;
        expect(value?.[0]).toBe(19);
        expect(value).toEqual(uniform(value?.[0] ?? -1));
      }),
    );

    it(
      "leaves the bytes, the ends and the other value alone",
      fresh(async ({ store }) => {
        const { logId, end } = await seedLog(store, [lineOf(500)]);
        await set(store, name, logId, utf8("a value"));
        const other = name === "head" ? "document" : "head";
        expect((await store.stat(KEY))?.[other]).toBeNull();
        expect((await store.stat(KEY))?.end).toEqual(end);
        expect(await readRaw(store)).toEqual(lineOf(500));
        expect(await store.append(KEY, utf8("more\n"), { logId, expectedEnd: 500 })).toBe(505);
      }),
    );
  });
}

/** A value that tells whether it is whole: its length follows from the value of all its bytes. */
function uniform(value: number): Uint8Array {
  return new Uint8Array(1000 + value * 997).fill(value);
}
