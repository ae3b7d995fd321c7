import { describe, expect, it } from "vitest";
import { lineOf, utf8 } from "../bytes.ts";
import { nextTurn } from "../wait-for.ts";
import { KEY, readRaw, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

/** The head: one small value that is replaced as a whole. */
export function headSuite(fresh: FreshStore): void {
  describe("head", () => {
    it(
      "is null until it is set, then as last set",
      fresh(async ({ store }) => {
        const { logId, head } = await store.create(KEY);
        expect(head).toBeNull();
        for (const value of [
          utf8('{"status":"idle"}'),
          new Uint8Array([0, 255, 10, 13]),
          utf8(""),
        ]) {
          await store.setHead(KEY, logId, value);
          expect((await store.stat(KEY))?.head).toEqual(value);
          expect((await store.create(KEY)).head).toEqual(value);
        }
      }),
    );

    it(
      "is replaced atomically: who looks sees one head or another, never a mixture",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        await store.setHead(KEY, logId, uniform(0));
        const progress = { done: false };

        async function look(): Promise<void> {
          while (!progress.done) {
            const head = (await store.stat(KEY))?.head ?? null;
            expect(head).toEqual(uniform(head?.[0] ?? -1));
            await nextTurn();
          }
        }

        async function write(): Promise<void> {
          for (let i = 1; i <= 40; i++) await store.setHead(KEY, logId, uniform(i));
          progress.done = true;
        }

        await Promise.all([look(), write()]);
        expect((await store.stat(KEY))?.head).toEqual(uniform(40));
      }),
    );

    it(
      "is one of those that were set at once",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const numbers = Array.from({ length: 20 }, (_, i) => i);
        await Promise.all(numbers.map((i) => store.setHead(KEY, logId, uniform(i))));
        const head = (await store.stat(KEY))?.head ?? null;
        expect(numbers).toContain(head?.[0]);
        expect(head).toEqual(uniform(head?.[0] ?? -1));
      }),
    );

    it(
      "leaves the bytes and the ends of the logs alone",
      fresh(async ({ store }) => {
        const { logId, end } = await seedLog(store, [lineOf(500)]);
        await store.setHead(KEY, logId, utf8("a head"));
        expect((await store.stat(KEY))?.end).toEqual(end);
        expect(await readRaw(store)).toEqual(lineOf(500));
        expect(await store.append(KEY, utf8("more\n"), { logId, expectedEnd: 500 })).toBe(505);
      }),
    );
  });
}

/** A head that tells whether it is whole: its length follows from the value of all its bytes. */
function uniform(value: number): Uint8Array {
  return new Uint8Array(1000 + value * 997).fill(value);
}
