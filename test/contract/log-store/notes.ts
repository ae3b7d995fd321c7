import { describe, expect, it } from "vitest";
import {
  type LogNote,
  type LogStore,
  MAX_NOTE_BYTES,
  MAX_NOTES,
} from "../../../src/ports/log-store.ts";
import { lineOf, textOf, utf8 } from "../bytes.ts";
import { codeOf } from "../outcome.ts";
import { FOREIGN_LOG_ID, KEY, MANY_STEPS_MS, readRaw, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

/** The notes of `KEY`, by key. */
export async function notesOf(store: LogStore): Promise<LogNote[]> {
  const { notes = [] } = (await store.stat(KEY)) ?? {};
  return notes.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** Notes that come with appends. */
export function notesSuite(fresh: FreshStore): void {
  describe("notes", () => {
    it(
      "are there with the bytes that they came with: the last text of each key, and where its append ended",
      fresh(async ({ store }) => {
        const { logId, notes } = await store.create(KEY);
        expect(notes).toEqual([]);
        let expectedEnd = 0;
        for (const [line, note] of [
          ["one\n", { key: "run-1", text: "id 1" }],
          ["two\n", null],
          ["three\n", { key: "run-2", text: "" }],
          ["four\n", { key: "run-1", text: "id 4" }],
          ["five\n", null],
        ] as const)
          expectedEnd = await store.append(KEY, utf8(line), {
            logId,
            expectedEnd,
            ...(note && { note }),
          });
        expect(await notesOf(store)).toEqual([
          { key: "run-1", text: "id 4", end: 19 },
          { key: "run-2", text: "", end: 14 },
        ]);
        expect((await store.create(KEY)).notes).toHaveLength(2);
        expect(textOf((await readRaw(store)) ?? utf8(""))).toBe("one\ntwo\nthree\nfour\nfive\n");
      }),
    );

    it(
      "take effect in the order of their appends, also of many that are in flight at once",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const appends = Array.from({ length: 60 }, (_, i) =>
          store.append(KEY, lineOf(100, i), {
            logId,
            expectedEnd: i * 100,
            ...(i % 3 !== 2 && { note: { key: `run ${i % 5}`, text: `${i}` } }),
          }),
        );
        await Promise.all(appends);
        const noted = Array.from({ length: 60 }, (_, i) => i).filter((i) => i % 3 !== 2);
        const last = (rest: number): number => noted.findLast((i) => i % 5 === rest) ?? -1;
        expect(await notesOf(store)).toEqual(
          [0, 1, 2, 3, 4].map((rest) => ({
            key: `run ${rest}`,
            text: `${last(rest)}`,
            end: (last(rest) + 1) * 100,
          })),
        );
      }),
    );

    it(
      "stay as they were when their append is fenced",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const note = { key: "run", text: "kept" };
        await store.append(KEY, utf8("one\n"), { logId, expectedEnd: 0, note });
        const late = { key: "run", text: "late" };
        const other = store.append(KEY, utf8("two\n"), { logId, expectedEnd: 0, note: late });
        expect(await codeOf(other)).toBe("log-fenced");
        expect(await notesOf(store)).toEqual([{ ...note, end: 4 }]);
      }),
    );

    it(
      "go when they are dropped, one by one, and come back with the next append that has them",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        for (const [i, key] of ["a", "b"].entries())
          await store.append(KEY, utf8("x\n"), {
            logId,
            expectedEnd: i * 2,
            note: { key, text: key },
          });
        await store.dropNote(KEY, logId, "a");
        await store.dropNote(KEY, logId, "unknown");
        expect(await notesOf(store)).toEqual([{ key: "b", text: "b", end: 4 }]);
        await store.append(KEY, utf8("y\n"), { logId, expectedEnd: 4 });
        await store.dropNote(KEY, logId, "b");
        expect(await notesOf(store)).toEqual([]);
        const again = { key: "a", text: "again" };
        await store.append(KEY, utf8("z\n"), { logId, expectedEnd: 6, note: again });
        expect(await notesOf(store)).toEqual([{ ...again, end: 8 }]);
        expect(await codeOf(store.dropNote(KEY, FOREIGN_LOG_ID, "a"))).toBe("log-not-found");
      }),
    );

    it(
      "end with the log: one that is made again has none",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const note = { key: "run", text: "old" };
        await store.append(KEY, utf8("old\n"), { logId, expectedEnd: 0, note });
        await store.delete(KEY);
        expect((await store.create(KEY)).notes).toEqual([]);
      }),
    );

    it(
      `are refused with invalid-input beyond ${MAX_NOTE_BYTES} bytes, without a key, without bytes and of another log`,
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const most = "€".repeat(85) + "x";
        const largest = { key: most, text: `${"\u0001".repeat(253)}€` };
        expect(utf8(largest.key)).toHaveLength(MAX_NOTE_BYTES);
        expect(utf8(largest.text)).toHaveLength(MAX_NOTE_BYTES);
        const options = { logId, expectedEnd: 0 };
        const line = utf8("line\n");
        for (const refused of [
          store.append(KEY, line, { ...options, note: { ...largest, key: `${most}x` } }),
          store.append(KEY, line, { ...options, note: { ...largest, text: `${most}x` } }),
          store.append(KEY, line, { ...options, note: { key: "", text: "" } }),
          store.append(KEY, [], { ...options, note: largest }),
          store.append(KEY, line, { ...options, log: "compact", note: largest }),
        ])
          expect(await codeOf(refused)).toBe("invalid-input");
        expect(await store.append(KEY, line, { ...options, note: largest })).toBe(5);
        expect(await notesOf(store)).toEqual([{ ...largest, end: 5 }]);
      }),
    );

    it(
      `are of ${MAX_NOTES} keys at most: another one is refused with invalid-input until one is dropped`,
      fresh(async ({ store }) => {
        const { logId } = await seedLog(store, []);
        const keys = Array.from({ length: MAX_NOTES }, (_, i) => `${i} ${"k".repeat(250)}`);
        let expectedEnd = 0;
        for (const key of keys)
          expectedEnd = await store.append(KEY, utf8("x\n"), {
            logId,
            expectedEnd,
            note: { key, text: `${key}!` },
          });
        const more = { key: "more", text: "" };
        const refused = store.append(KEY, utf8("x\n"), { logId, expectedEnd, note: more });
        expect(await codeOf(refused)).toBe("invalid-input");
        const known = { key: keys[0] ?? "", text: "known" };
        expectedEnd = await store.append(KEY, utf8("x\n"), { logId, expectedEnd, note: known });
        await store.dropNote(KEY, logId, keys[1] ?? "");
        await store.append(KEY, utf8("x\n"), { logId, expectedEnd, note: more });
        const notes = await notesOf(store);
        expect(notes).toHaveLength(MAX_NOTES);
        expect(notes).toContainEqual({ ...known, end: expectedEnd });
        expect(notes).toContainEqual({ key: keys[2], text: `${keys[2]}!`, end: 6 });
      }),
      MANY_STEPS_MS,
    );
  });
}
