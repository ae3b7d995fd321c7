import { describe, expect, it } from "vitest";
import type { LogStore, SessionKey } from "../../../src/ports/log-store.ts";
import { labelOf } from "../../../src/stream/text/dns-label.ts";
import { textOf, utf8 } from "../bytes.ts";
import { codeOf, collect } from "../outcome.ts";
import type { FreshStore } from "./harness.ts";
import { readRaw, seedLog } from "./harness.ts";

const LONG = "Thread.".repeat(18);

/** Names of threads, with those that a careless path, key or file system would mix up. */
const NAMES = [
  "A001",
  "a001",
  "thread_abc",
  "thread-abc",
  "Thread_abc",
  "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "V1StGXR8_Z5jdHi6B-myT",
  "a.b",
  "a..b",
  "...",
  "-",
  "~",
  "@",
  "user@example.com:1",
  "con.",
  LONG,
  LONG.toLowerCase(),
  "x".repeat(64),
  "X".repeat(128),
];
const LABELS = NAMES.map(labelOf);
const EVERY_NAME = [...new Set([...NAMES, ...LABELS])];

const keyOf = (session: string): SessionKey => ({ project: "p", session });

/** Sessions whose names are no labels, and labels that look like those that are made of names. */
export function namesSuite(fresh: FreshStore): void {
  describe("names", () => {
    it(
      "keeps sessions apart whatever their names are, and lists and marks them by these",
      fresh(async ({ store }) => {
        for (const name of EVERY_NAME) {
          const { logId } = await seedLog(store, [utf8(`${name}\n`)], keyOf(name));
          await store.markOpen(keyOf(name), logId, "r", name);
        }
        for (const name of EVERY_NAME)
          expect(textOf((await readRaw(store, keyOf(name))) ?? utf8(""))).toBe(`${name}\n`);
        for (const limit of [1, 3, 1000])
          expect((await namesOf(store, limit)).toSorted()).toEqual(EVERY_NAME.toSorted());
        const marks = await collect(store.openRuns());
        expect(marks.map(({ session }) => session).toSorted()).toEqual(EVERY_NAME.toSorted());
        for (const name of EVERY_NAME) {
          const [mark, ...more] = await collect(store.openRuns(keyOf(name)));
          expect([mark?.session, mark?.data, more]).toEqual([name, name, []]);
        }
      }),
    );

    it(
      "lists by project, then by the label of the name",
      fresh(async ({ store }) => {
        for (const name of EVERY_NAME) await store.create(keyOf(name));
        const labels = (await namesOf(store, 4)).map(labelOf);
        expect(labels).toEqual(labels.toSorted());
      }),
    );

    it(
      "finds a session of any name again, in lists as well, when the store is opened again",
      fresh(async ({ store, reopen }) => {
        for (const name of EVERY_NAME) await seedLog(store, [utf8(`${name}\n`)], keyOf(name));
        const again = reopen ? await reopen() : store;
        expect((await namesOf(again, 1000)).toSorted()).toEqual(EVERY_NAME.toSorted());
        for (const name of EVERY_NAME)
          expect(textOf((await readRaw(again, keyOf(name))) ?? utf8(""))).toBe(`${name}\n`);
      }),
    );

    it(
      "deletes a session and none of those that have a similar name",
      fresh(async ({ store }) => {
        for (const name of EVERY_NAME) await store.create(keyOf(name));
        for (const name of NAMES) expect(await store.delete(keyOf(name))).toBe(true);
        const left = EVERY_NAME.filter((name) => !NAMES.includes(name));
        expect((await namesOf(store, 1000)).toSorted()).toEqual(left.toSorted());
        for (const name of NAMES) expect(await store.stat(keyOf(name))).toBeNull();
      }),
    );

    it(
      "has a document that says a long name from the beginning, and takes no other",
      fresh(async ({ store }) => {
        const key = keyOf(LONG);
        const saying = (name: string): Uint8Array =>
          utf8(JSON.stringify({ metadata: { name }, spec: { displayName: "d" } }));
        expect(await codeOf(store.create(key, { document: saying("other") }))).toBe(
          "invalid-input",
        );
        expect(await store.stat(key)).toBeNull();
        const { logId, document } = await store.create(key);
        expect(JSON.parse(textOf(document ?? utf8("null")))).toEqual({
          metadata: { name: LONG },
          spec: {},
        });
        for (const wrong of [saying("other"), utf8("the document"), utf8("{}")])
          expect(await codeOf(store.setDocument(key, logId, wrong))).toBe("invalid-input");
        expect(await store.document(key, logId)).toEqual(document);
        await store.setDocument(key, logId, saying(LONG));
        expect(await store.document(key, logId)).toEqual(saying(LONG));
      }),
    );
  });
}

async function namesOf(store: LogStore, limit: number): Promise<string[]> {
  const names: string[] = [];
  let after: string | null = null;
  do {
    const page = await store.list(after === null ? { limit } : { limit, after });
    names.push(...page.items.map(({ session }) => session));
    after = page.next;
  } while (after !== null);
  return names;
}
