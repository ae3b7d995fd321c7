import { describe, expect, it } from "vitest";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { drain, textOf, utf8 } from "../bytes.ts";
import { codeOf } from "../outcome.ts";
import { FOREIGN_LOG_ID, KEY, readRaw, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

/** Identity and ends: who may write, and what an old writer or reader meets. */
export function fenceSuite(fresh: FreshStore): void {
  describe("fence", () => {
    describeEnds(fresh);
    describeIdentity(fresh);
  });
}

function describeEnds(fresh: FreshStore): void {
  it(
    "lets exactly one win of two appends that expect the same end",
    fresh(async ({ store }) => {
      const { logId, end } = await seedLog(store, [utf8("before\n")]);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          codeOf(store.append(KEY, utf8(`writer ${i}\n`), { logId, expectedEnd: end.raw })),
        ),
      );
      const winner = outcomes.indexOf("resolved");
      const losers = outcomes.filter((outcome) => outcome === "log-fenced");
      expect(winner).toBeGreaterThanOrEqual(0);
      expect(losers).toHaveLength(19);
      expect(await readRaw(store)).toEqual(utf8(`before\nwriter ${winner}\n`));
    }),
  );

  it(
    "lets one of two writers win each round of a race",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      let expectedEnd = 0;
      let want = "";
      for (let round = 0; round < 25; round++) {
        const names = round % 2 === 0 ? ["a", "b"] : ["b", "a"];
        const outcomes = await Promise.all(
          names.map((name) =>
            codeOf(store.append(KEY, utf8(`${name}${round}\n`), { logId, expectedEnd })),
          ),
        );
        expect(outcomes.toSorted()).toEqual(["log-fenced", "resolved"]);
        want += `${names[outcomes.indexOf("resolved")]}${round}\n`;
        expectedEnd = want.length;
      }
      expect(await readRaw(store)).toEqual(utf8(want));
    }),
  );

  it(
    "leaves the end as it was after a failed append, and nothing of the bytes is readable",
    fresh(async ({ store }) => {
      const { logId, end } = await seedLog(store, [utf8("kept\n")]);
      for (const expectedEnd of [0, 4, 6, 1_000_000, -1, 0.5, Number.NaN])
        for (const bytes of [utf8("refused\n"), new Uint8Array(0)])
          expect(await codeOf(store.append(KEY, bytes, { logId, expectedEnd }))).toBe("log-fenced");
      expect((await store.stat(KEY))?.end).toEqual(end);
      expect(await readRaw(store)).toEqual(utf8("kept\n"));
      expect(await store.append(KEY, utf8("more\n"), { logId, expectedEnd: 5 })).toBe(10);
    }),
  );
}

function describeIdentity(fresh: FreshStore): void {
  it(
    "refuses another logId with log-fenced on append and log-not-found elsewhere",
    fresh(async ({ store }) => {
      await seedLog(store, [utf8("kept\n")]);
      expect(await codesOfLegacyWriter(store, FOREIGN_LOG_ID)).toEqual(FENCED);
      expect(await readRaw(store)).toEqual(utf8("kept\n"));
    }),
  );

  it(
    "gives the name another logId after delete and create, so that an old writer meets no new bytes",
    fresh(async ({ store }) => {
      const old = await seedLog(store, [utf8("old\n")]);
      await store.setHead(KEY, old.logId, utf8("old head"));
      await store.setDocument(KEY, old.logId, utf8("old document"));
      expect(await store.delete(KEY)).toBe(true);
      const fresher = await store.create(KEY);
      expect(fresher.logId).not.toBe(old.logId);
      const empty = {
        end: { raw: 0, compact: 0, edits: 0, runs: 0, keyframes: 0, times: 0 },
        head: null,
        document: null,
      };
      expect(fresher).toMatchObject(empty);
      await store.append(KEY, utf8("new\n"), { logId: fresher.logId, expectedEnd: 0 });
      expect(await codesOfLegacyWriter(store, old.logId)).toEqual(FENCED);
      expect(textOf(await drain(store.read(KEY, { logId: fresher.logId })))).toBe("new\n");
      expect(await store.stat(KEY)).toMatchObject({ end: { raw: 4 }, head: null, document: null });
    }),
  );

  it(
    "answers log-not-found to everything that needs a log where there is none",
    fresh(async ({ store }) => {
      const { logId } = await seedLog(store, [utf8("gone\n")]);
      await store.delete(KEY);
      expect(await codesOfLegacyWriter(store, logId)).toEqual({
        ...FENCED,
        append: "log-not-found",
      });
      expect(await store.stat(KEY)).toBeNull();
    }),
  );

  it(
    "keeps what an old writer has in flight out of the log that follows",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const inFlight = Array.from({ length: 20 }, (_, i) =>
        codeOf(store.append(KEY, utf8("old\n"), { logId, expectedEnd: i * 4 })),
      );
      const deleted = store.delete(KEY);
      const made = store.create(KEY);
      for (const code of await Promise.all(inFlight))
        expect(["resolved", "log-fenced", "log-not-found"]).toContain(code);
      expect(await deleted).toBe(true);
      await made;
      const stat = await store.stat(KEY);
      // delete and create were in flight together, so that create may have come first
      if (stat !== null) {
        expect(stat.logId).not.toBe(logId);
        expect(stat.end).toEqual({ raw: 0, compact: 0, edits: 0, runs: 0, keyframes: 0, times: 0 });
      }
    }),
  );
}

const FENCED = {
  append: "log-fenced",
  read: "log-not-found",
  document: "log-not-found",
  setHead: "log-not-found",
  setDocument: "log-not-found",
  markOpen: "log-not-found",
};

async function codesOfLegacyWriter(store: LogStore, logId: string): Promise<typeof FENCED> {
  const { raw: expectedEnd } = (await store.stat(KEY))?.end ?? { raw: 0 };
  return {
    append: await codeOf(store.append(KEY, utf8("late\n"), { logId, expectedEnd })),
    read: await codeOf(drain(store.read(KEY, { logId }))),
    document: await codeOf(store.document(KEY, logId)),
    setHead: await codeOf(store.setHead(KEY, logId, utf8("late"))),
    setDocument: await codeOf(store.setDocument(KEY, logId, utf8("late"))),
    markOpen: await codeOf(store.markOpen(KEY, logId, "run-1", "late")),
  };
}
