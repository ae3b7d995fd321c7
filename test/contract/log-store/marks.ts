import { describe, expect, it } from "vitest";
import type { LogStore, OpenRunMark } from "../../../src/ports/log-store.ts";
import { collect } from "../outcome.ts";
import { FOREIGN_LOG_ID, KEY } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

/** Run ids come from clients and may be any text; a store must not take one for a path. */
const HOSTILE_RUN_IDS = [
  "run-1",
  "RUN-1",
  "..",
  ".",
  "",
  "../../escape",
  "a/b",
  "a%2Fb",
  "a\\b",
  "nul\u0000byte",
  "line\nbreak",
  "ünïcödé 🏃",
  "x".repeat(1000),
];

/** Marks of open runs. */
export function marksSuite(fresh: FreshStore): void {
  describe("open-run marks", () => {
    describeOneSession(fresh);
    describeManySessions(fresh);
  });
}

function describeOneSession(fresh: FreshStore): void {
  it(
    "gives back a mark as the marker wrote it",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const data = '{"threadId":"t\\n1","name":"Žofie 🎈"}\n';
      await store.markOpen(KEY, logId, "run-1", data);
      expect(await marksOf(store)).toEqual([{ ...KEY, logId, runId: "run-1", data }]);
    }),
  );

  it(
    "replaces the data when a run is marked again",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      await store.markOpen(KEY, logId, "run-1", "a longer first text");
      await store.markOpen(KEY, logId, "run-1", "second");
      expect(await marksOf(store)).toEqual([{ ...KEY, logId, runId: "run-1", data: "second" }]);
    }),
  );

  it(
    "removes a mark, and does nothing if there is none",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      await store.markOpen(KEY, logId, "run-1", "one");
      await store.markOpen(KEY, logId, "run-2", "two");
      await store.clearOpen(KEY, logId, "run-1");
      await store.clearOpen(KEY, logId, "run-1");
      await store.clearOpen(KEY, logId, "never marked");
      expect((await marksOf(store)).map((mark) => mark.runId)).toEqual(["run-2"]);
    }),
  );

  it(
    "is asked to remove marks of a log that has gone, and removes none of the one that is there",
    fresh(async ({ store }) => {
      const { logId: gone } = await store.create(KEY);
      await store.markOpen(KEY, gone, "run-1", "gone");
      await store.delete(KEY);
      await store.clearOpen(KEY, gone, "run-1");
      const { logId } = await store.create(KEY, { logId: FOREIGN_LOG_ID });
      await store.markOpen(KEY, logId, "run-1", "there");
      await store.clearOpen(KEY, gone, "run-1");
      expect((await marksOf(store)).map((mark) => mark.data)).toEqual(["there"]);
    }),
  );

  it(
    "takes any text for a run id and keeps different ids apart",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      for (const [i, runId] of HOSTILE_RUN_IDS.entries())
        await store.markOpen(KEY, logId, runId, `data ${i}`);
      const want = HOSTILE_RUN_IDS.map((runId, i) => ({ ...KEY, logId, runId, data: `data ${i}` }));
      expect(await marksOf(store)).toEqual(inOrder(want));
      for (const runId of HOSTILE_RUN_IDS) await store.clearOpen(KEY, logId, runId);
      expect(await marksOf(store)).toEqual([]);
    }),
  );

  it(
    "takes marks and clears of one session that are in flight together",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      const runIds = Array.from({ length: 30 }, (_, i) => `run-${i}`);
      await Promise.all(runIds.map((runId) => store.markOpen(KEY, logId, runId, runId)));
      expect(await marksOf(store)).toHaveLength(30);
      await Promise.all(runIds.slice(1).map((runId) => store.clearOpen(KEY, logId, runId)));
      expect((await marksOf(store)).map((mark) => mark.runId)).toEqual(["run-0"]);
    }),
  );
}

function describeManySessions(fresh: FreshStore): void {
  it(
    "lists all marks of all sessions or of one, each with the log that it belongs to",
    fresh(async ({ store }) => {
      const want: OpenRunMark[] = [];
      for (const project of ["a", "a-b", "ab"])
        for (const session of ["s", "s-1", "s1"]) {
          const { logId } = await store.create({ project, session });
          for (const runId of ["same-id", `${project}-${session}`]) {
            const mark = { project, session, logId, runId, data: `${project}/${session}` };
            await store.markOpen(mark, logId, runId, mark.data);
            want.push(mark);
          }
        }
      await store.create({ project: "a", session: "without-marks" });
      expect(await marksOf(store)).toEqual(inOrder(want));
      for (const key of [
        { project: "a", session: "s" },
        { project: "a", session: "without-marks" },
        { project: "a", session: "never-made" },
      ]) {
        const own = want.filter((mark) => mark.project === "a" && mark.session === key.session);
        expect(inOrder(await collect(store.openRuns(key)))).toEqual(inOrder(own));
      }
    }),
  );

  it(
    "removes a session's marks with the session, and no others",
    fresh(async ({ store }) => {
      const other = { project: KEY.project, session: `${KEY.session}-b` };
      const { logId } = await store.create(KEY);
      const { logId: otherId } = await store.create(other);
      await store.markOpen(KEY, logId, "run-1", "gone");
      await store.markOpen(other, otherId, "run-1", "stays");
      await store.delete(KEY);
      await store.create(KEY);
      expect((await marksOf(store)).map((mark) => mark.data)).toEqual(["stays"]);
    }),
  );

  it(
    "can be left in the middle of the marks",
    fresh(async ({ store }) => {
      const { logId } = await store.create(KEY);
      for (const runId of ["run-1", "run-2", "run-3"])
        await store.markOpen(KEY, logId, runId, runId);
      const seen: string[] = [];
      for await (const mark of store.openRuns()) {
        seen.push(mark.runId);
        break;
      }
      expect(seen).toHaveLength(1);
      expect(await marksOf(store)).toHaveLength(3);
    }),
  );
}

/** All marks, ordered, because the port promises no order. */
async function marksOf(store: LogStore): Promise<OpenRunMark[]> {
  return inOrder(await collect(store.openRuns()));
}

function inOrder(marks: readonly OpenRunMark[]): OpenRunMark[] {
  return marks.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function nameOf({ project, session, runId }: OpenRunMark): string {
  return JSON.stringify([project, session, runId]);
}
