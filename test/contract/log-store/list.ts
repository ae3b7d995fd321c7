import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ListedLog, ListOptions, LogStore, SessionKey } from "../../../src/ports/log-store.ts";
import { freshStore, MANY_STEPS_MS } from "./harness.ts";
import type { LogStoreContractOptions, LogStoreHarness } from "./harness.ts";

const PREFIXES = ["a", "a-b", "ab"];

/** Sorted, more than a page of any size, and with names that are prefixes of each other. */
const SEEDED: readonly SessionKey[] = [
  ...PREFIXES.flatMap((project) =>
    [...PREFIXES, "b"].toSorted().map((session) => ({ project, session })),
  ),
  ...Array.from({ length: 1100 }, (_, i) => ({
    project: i < 600 ? "many" : "more",
    session: `s-${String(i).padStart(4, "0")}`,
  })),
];

/** Listing, on one store with more than 1,000 sessions that is made once. */
export function listSuite(options: LogStoreContractOptions): void {
  describe("list", () => {
    describeSeeded(options);
    describeChanging(options);
  });
}

function describeSeeded(options: LogStoreContractOptions): void {
  describe(`of ${SEEDED.length} sessions`, () => {
    let harness: LogStoreHarness;

    beforeAll(async () => {
      harness = await options.create();
      // backwards and many at once: the order must come from the names
      const keys = SEEDED.toReversed();
      for (let i = 0; i < keys.length; i += 50)
        await Promise.all(keys.slice(i, i + 50).map((key) => harness.store.create(key)));
    }, MANY_STEPS_MS);

    afterAll(() => harness.dispose());

    for (const limit of [undefined, 1000, 499, 100])
      it(`gives disjoint and complete pages, limit ${limit ?? "not given"}, ordered by project, then session`, async () => {
        const pages = await pagesOf(harness.store, limit === undefined ? {} : { limit });
        for (const page of pages) expect(page.length).toBeLessThanOrEqual(limit ?? 500);
        expect(pages.flat().map(keyOf)).toEqual(SEEDED);
      });

    it("gives one item a page when the limit is 1", async () => {
      const pages = await pagesOf(harness.store, { limit: 1, project: "a-b" });
      expect(pages.filter((page) => page.length > 0)).toHaveLength(PREFIXES.length + 1);
      expect(pages.flat().map(keyOf)).toEqual(seededIn("a-b"));
    });

    it("gives only the project that is asked for", async () => {
      for (const project of [...PREFIXES, "many", "more"])
        for (const limit of [7, 1000]) {
          const pages = await pagesOf(harness.store, { limit, project });
          expect(pages.flat().map(keyOf)).toEqual(seededIn(project));
        }
      expect(await harness.store.list({ project: "a-" })).toEqual({ items: [], next: null });
    });

    it("says of each session what stat says", async () => {
      const { items } = await harness.store.list({ project: "ab" });
      for (const { project, session, logId, createdAtMs } of items) {
        const stat = await harness.store.stat({ project, session });
        expect({ logId, createdAtMs }).toEqual({
          logId: stat?.logId,
          createdAtMs: stat?.createdAtMs,
        });
      }
      expect(new Set(items.map((item) => item.logId)).size).toBe(items.length);
    });
  });
}

function describeChanging(options: LogStoreContractOptions): void {
  const fresh = freshStore(options);

  it(
    "is empty when there is no session",
    fresh(async ({ store }) => {
      expect(await store.list()).toEqual({ items: [], next: null });
      const key = { project: "p", session: "s" };
      await store.create(key);
      await store.delete(key);
      expect(await store.list()).toEqual({ items: [], next: null });
    }),
  );

  it(
    "holds every session that existed during the whole of the listing",
    fresh(async ({ store }) => {
      const lasting = nameAll("lasting", 30);
      const passing = nameAll("passing", 30);
      for (const key of [...lasting, ...passing]) await store.create(key);
      const seen: ListedLog[] = [];
      let after: string | null = null;
      do {
        const page = await store.list(after === null ? { limit: 4 } : { limit: 4, after });
        seen.push(...page.items);
        after = page.next;
        // the last item of the page, where the cursor stands, goes too if it may
        for (const item of page.items)
          if (item.session.startsWith("passing")) await store.delete(item);
        await store.create({ project: `p-${seen.length % 3}`, session: `new-${seen.length}` });
      } while (after !== null);
      const names = seen.map(({ project, session }) => `${project}/${session}`);
      expect(new Set(names).size).toBe(names.length);
      for (const { project, session } of lasting) expect(names).toContain(`${project}/${session}`);
    }),
  );
}

async function pagesOf(store: LogStore, options: ListOptions): Promise<(readonly ListedLog[])[]> {
  const pages: (readonly ListedLog[])[] = [];
  let after: string | null = null;
  do {
    const page = await store.list(after === null ? options : { ...options, after });
    pages.push(page.items);
    after = page.next;
  } while (after !== null);
  return pages;
}

function keyOf({ project, session }: SessionKey): SessionKey {
  return { project, session };
}

function seededIn(project: string): SessionKey[] {
  return SEEDED.filter((key) => key.project === project);
}

function nameAll(prefix: string, count: number): SessionKey[] {
  return Array.from({ length: count }, (_, i) => ({
    project: `p-${i % 3}`,
    session: `${prefix}-${i}`,
  }));
}
