import { describe, expect, it } from "vitest";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { concat, drain, lineOf, textOf, utf8 } from "../bytes.ts";
import { codeOf, collect } from "../outcome.ts";
import { notesOf } from "./notes.ts";
import { freshStore, KEY, readRaw, seedLog } from "./harness.ts";
import type { FreshStore, LogStoreContractOptions, LogStoreHarness } from "./harness.ts";

/**
 * What outlives a close. Which of the two suites runs is decided by a store that is made for that
 * question alone, because only a store can say whether it can be opened again.
 */
export function reopenSuite(options: LogStoreContractOptions): void {
  describe("reopen", async () => {
    const probe = await options.create();
    await probe.dispose();
    if (probe.reopen === undefined) describeForgetful(options);
    else describeDurable(freshStore(options));
  });
}

function describeForgetful(options: LogStoreContractOptions): void {
  it("keeps nothing outside itself: a store that is made later knows no session of another", async () => {
    const first = await options.create();
    const { logId } = await seedLog(first.store, [utf8("a line\n")]);
    await first.store.markOpen(KEY, logId, "run-1", "open");
    const second = await options.create();
    expect(await second.store.stat(KEY)).toBeNull();
    await first.dispose();
    const third = await options.create();
    for (const { store } of [second, third]) {
      expect(await store.list()).toEqual({ items: [], next: null });
      expect(await collect(store.openRuns())).toEqual([]);
    }
    await Promise.all([second.dispose(), third.dispose()]);
  });
}

function describeDurable(fresh: FreshStore): void {
  it(
    "finds logs, ends, heads, documents and identities as they were, more than once",
    fresh(async (harness) => {
      const lines = [lineOf(10), lineOf(300_000, 1), lineOf(1), lineOf(77, 2)];
      const { logId } = await seedLog(harness.store, lines);
      await harness.store.append(KEY, utf8("c\n"), { logId, log: "compact", expectedEnd: 0 });
      await harness.store.append(KEY, utf8("e\n"), { logId, log: "edits", expectedEnd: 0 });
      await harness.store.append(KEY, utf8("r\n"), { logId, log: "runs", expectedEnd: 0 });
      await harness.store.append(KEY, utf8("k\n"), { logId, log: "keyframes", expectedEnd: 0 });
      await harness.store.append(KEY, utf8("t\n"), { logId, log: "times", expectedEnd: 0 });
      await harness.store.setHead(KEY, logId, utf8("the head"));
      await harness.store.setDocument(KEY, logId, utf8("the document"));
      const before = await harness.store.stat(KEY);
      const listed = await harness.store.list();
      for (let i = 0; i < 3; i++) {
        const store = await reopened(harness);
        expect(await store.stat(KEY)).toEqual(before);
        expect(await store.list()).toEqual(listed);
        expect(await readRaw(store)).toEqual(concat(lines));
        expect(textOf(await drain(store.read(KEY, { logId, log: "compact" })))).toBe("c\n");
        expect(textOf(await drain(store.read(KEY, { logId, log: "edits" })))).toBe("e\n");
        expect(textOf(await drain(store.read(KEY, { logId, log: "runs" })))).toBe("r\n");
        expect(textOf(await drain(store.read(KEY, { logId, log: "keyframes" })))).toBe("k\n");
        expect(textOf(await drain(store.read(KEY, { logId, log: "times" })))).toBe("t\n");
      }
    }),
  );

  it(
    "finds the notes as they were, with what was appended and dropped since",
    fresh(async (harness) => {
      const { logId } = await harness.store.create(KEY);
      let store = harness.store;
      let expectedEnd = 0;
      const append = async (key: string | null, text: string): Promise<void> => {
        expectedEnd = await store.append(KEY, utf8(`${text}\n`), {
          logId,
          expectedEnd,
          ...(key !== null && { note: { key, text } }),
        });
      };
      for (let i = 0; i < 5; i++) await append(`run ${i % 2}`, `${i}`);
      await append(null, "no note");
      store = await reopened(harness);
      expect(await notesOf(store)).toEqual([
        { key: "run 0", text: "4", end: 10 },
        { key: "run 1", text: "3", end: 8 },
      ]);
      await append(null, "own");
      store = await reopened(harness);
      await append("run 2", "later");
      await store.dropNote(KEY, logId, "run 0");
      store = await reopened(harness);
      expect(await notesOf(store)).toEqual([
        { key: "run 1", text: "3", end: 8 },
        { key: "run 2", text: "later", end: expectedEnd },
      ]);
      for (const key of ["run 1", "run 2"]) await store.dropNote(KEY, logId, key);
      store = await reopened(harness);
      expect(await notesOf(store)).toEqual([]);
      await append(null, "last");
      store = await reopened(harness);
      expect(await notesOf(store)).toEqual([]);
    }),
  );

  it(
    "finds the marks that were open, and none that was cleared or deleted",
    fresh(async (harness) => {
      const gone = { project: KEY.project, session: "gone" };
      const { logId } = await harness.store.create(KEY);
      const { logId: goneId } = await harness.store.create(gone);
      await harness.store.markOpen(KEY, logId, "run-1", "cleared");
      await harness.store.markOpen(KEY, logId, "run-2", "first");
      await harness.store.markOpen(KEY, logId, "run-2", "open");
      await harness.store.markOpen(gone, goneId, "run-3", "deleted");
      await harness.store.clearOpen(KEY, logId, "run-1");
      await harness.store.delete(gone);
      const store = await reopened(harness);
      const marks = await collect(store.openRuns());
      expect(marks).toEqual([{ ...KEY, logId, runId: "run-2", data: "open" }]);
      expect(await store.stat(gone)).toBeNull();
    }),
  );

  it(
    "goes on at the end that was accepted, and fences writers as before",
    fresh(async (harness) => {
      const { logId } = await seedLog(harness.store, [utf8("one\n")]);
      const store = await reopened(harness);
      const late = store.append(KEY, utf8("late\n"), { logId, expectedEnd: 0 });
      expect(await codeOf(late)).toBe("log-fenced");
      expect(await store.append(KEY, utf8("two\n"), { logId, expectedEnd: 4 })).toBe(8);
      expect(textOf((await readRaw(store)) ?? utf8(""))).toBe("one\ntwo\n");
    }),
  );

  it(
    "begins another logId for a name that was deleted before the close",
    fresh(async (harness) => {
      const { logId } = await seedLog(harness.store, [utf8("old\n")]);
      await harness.store.delete(KEY);
      const store = await reopened(harness);
      expect(await store.stat(KEY)).toBeNull();
      const made = await store.create(KEY);
      expect(made.logId).not.toBe(logId);
      expect(await readRaw(store)).toHaveLength(0);
    }),
  );

  it(
    "holds exactly the appends that were accepted when it is closed in their midst",
    fresh(async (harness) => {
      const { logId } = await harness.store.create(KEY);
      const lines = Array.from({ length: 60 }, (_, i) => lineOf(1000, i));
      const appends = lines.map((line, i) =>
        codeOf(harness.store.append(KEY, line, { logId, expectedEnd: i * 1000 })),
      );
      const store = await reopened(harness);
      const outcomes = await Promise.all(appends);
      const accepted = outcomes.filter((outcome) => outcome === "resolved").length;
      expect(outcomes.slice(0, accepted).every((outcome) => outcome === "resolved")).toBe(true);
      expect(await readRaw(store)).toEqual(concat(lines.slice(0, accepted)));
    }),
  );
}

async function reopened({ reopen }: LogStoreHarness): Promise<LogStore> {
  if (reopen === undefined) throw new Error("The store could be reopened and now cannot");
  return reopen();
}
