import { describe, expect, it } from "vitest";
import { utf8 } from "../bytes.ts";
import { KEY } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

/** A session, and the id of its log or null. */
type Change = readonly [session: string, logId: string | null];

/** What a store tells of its sessions, if it is the only one that changes them. */
export function changesSuite(fresh: FreshStore): void {
  describe("changes", () => {
    it(
      "are reported before the promise of whoever makes them is resolved, in their order, or not at all",
      fresh(async ({ store }) => {
        const reported: Change[] = [];
        const stop = store.changes?.subscribe(({ session }, logId) =>
          reported.push([session, logId]),
        );
        const expected: Change[] = [];
        const expectTold = (...changes: Change[]): void => {
          if (store.changes) expected.push(...changes);
          expect(withoutDetours(reported)).toEqual(expected);
        };
        const { logId } = await store.create(KEY);
        expectTold([KEY.session, logId]);
        await store.create(KEY);
        await store.append(KEY, utf8("{}\n"), { logId, expectedEnd: 0 });
        await store.setHead(KEY, logId, utf8("head"));
        expectTold();
        await store.setDocument(KEY, logId, utf8("document"));
        expectTold([KEY.session, logId]);
        await store.delete(KEY);
        expectTold([KEY.session, null]);
        await store.delete(KEY);
        const again = await store.create(KEY, { document: utf8("document") });
        expectTold([KEY.session, again.logId]);
        stop?.();
        await store.delete(KEY);
        expectTold();
      }),
    );
  });
}

/**
 * The changes without those that lead back to the same log: a store may put another thing in a log's
 * place for a moment, as one does that archives.
 */
function withoutDetours(reported: readonly Change[]): Change[] {
  const kept: Change[] = [];
  for (const change of reported) {
    const [before, gone] = kept.slice(-2);
    const isBack = gone?.[1] === null && before?.[1] === change[1] && change[1] !== null;
    if (isBack) kept.splice(-1);
    else kept.push(change);
  }
  return kept;
}
