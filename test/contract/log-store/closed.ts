import { describe, expect, it } from "vitest";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { drain, lineOf, utf8 } from "../bytes.ts";
import { codeOf, collect } from "../outcome.ts";
import { KEY, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

type Operation = (store: LogStore, logId: string) => Promise<unknown>;

/** Each as a caller would meet it; none may throw before it has returned its promise or stream. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  create: (store) => store.create(KEY),
  "create of another session": (store) => store.create({ project: "other", session: "other" }),
  stat: (store) => store.stat(KEY),
  append: (store, logId) => store.append(KEY, utf8("late\n"), { logId, expectedEnd: 5 }),
  "append of nothing": (store, logId) => store.append(KEY, [], { logId, expectedEnd: 5 }),
  read: (store, logId) => drain(store.read(KEY, { logId })),
  "read of no bytes": (store, logId) => drain(store.read(KEY, { logId, start: 5 })),
  setHead: (store, logId) => store.setHead(KEY, logId, utf8("late")),
  dropNote: (store, logId) => store.dropNote(KEY, logId, "run-1"),
  ownerOf: (store) => store.ownerOf(KEY),
  acquire: (store) => store.acquire(KEY),
  document: (store, logId) => store.document(KEY, logId),
  setDocument: (store, logId) => store.setDocument(KEY, logId, utf8("late")),
  markOpen: (store, logId) => store.markOpen(KEY, logId, "run-1", "late"),
  clearOpen: (store, logId) => store.clearOpen(KEY, logId, "run-1"),
  putRunBody: (store, logId) => store.putRunBody(KEY, logId, "run-1", [utf8("late")]),
  runBody: (store, logId) => store.runBody(KEY, logId, "run-1"),
  removeRunBody: (store, logId) => store.removeRunBody(KEY, logId, "run-1"),
  openRuns: (store) => collect(store.openRuns()),
  list: (store) => store.list(),
  delete: (store) => store.delete(KEY),
  check: (store) => store.check(),
};

/** What a store does during and after `close`. */
export function closedSuite(fresh: FreshStore): void {
  describe("close", () => {
    for (const [name, operation] of Object.entries(OPERATIONS))
      it(
        `refuses with store-closed: ${name}`,
        fresh(async ({ store }) => {
          const { logId } = await seedLog(store, [utf8("kept\n")]);
          await store.close();
          expect(await codeOf(operation(store, logId))).toBe("store-closed");
        }),
      );

    it(
      "settles every append that is in flight",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const appends = Array.from({ length: 20 }, (_, i) =>
          codeOf(store.append(KEY, utf8("12345\n"), { logId, expectedEnd: i * 6 })),
        );
        await store.close();
        for (const outcome of await Promise.all(appends))
          expect(["resolved", "log-fenced", "store-closed"]).toContain(outcome);
      }),
    );

    it(
      "settles a read that is in flight: with its bytes or with store-closed",
      fresh(async ({ store }) => {
        const { logId } = await seedLog(store, [lineOf(900_000)]);
        const reader = store.read(KEY, { logId }).getReader();
        let bytes = (await reader.read()).value?.length ?? 0;
        await store.close();

        async function rest(): Promise<void> {
          for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            bytes += value.length;
          }
        }

        const outcome = await codeOf(rest());
        expect(["resolved", "store-closed"]).toContain(outcome);
        if (outcome === "resolved") expect(bytes).toBe(900_000);
      }),
    );
  });
}
