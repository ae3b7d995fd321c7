import { describe, expect, it } from "vitest";
import {
  MAX_DOCUMENT_BYTES,
  MAX_HEAD_BYTES,
  MAX_MARK_CHARS,
} from "../../../src/ports/log-store.ts";
import { chunksOf, concat, firstDifference, lineOf, utf8 } from "../bytes.ts";
import { codeOf, collect } from "../outcome.ts";
import { KEY, MANY_STEPS_MS, readRaw, seedLog } from "./harness.ts";
import type { FreshStore } from "./harness.ts";

const MIB = 1024 * 1024;

/** Valid DNS-1123 labels that a careless path, key or prefix search would mix up. */
const HOSTILE_NAMES = [
  "a",
  "a-b",
  "ab",
  "a--b",
  "a0",
  "0",
  "007",
  "7",
  "con",
  "raw",
  "compact",
  "edits",
  "runs",
  "keyframes",
  "times",
  "head",
  "projects",
  "runlog",
  "x".repeat(63),
  `${"x".repeat(62)}y`,
  `9-${"-".repeat(60)}9`,
];

/** Sizes and names at the edge of what the port allows. */
export function limitsSuite(fresh: FreshStore): void {
  describe("limits", () => {
    it(
      "passes a line of 5 MiB whole, in chunks of at most 256 KiB",
      fresh(async ({ store }) => {
        const lines = [utf8("before\n"), lineOf(5 * MIB), utf8("after\n")];
        const { logId, end } = await seedLog(store, lines);
        expect(end.raw).toBe(5 * MIB + 13);
        const chunks = await chunksOf(store.read(KEY, { logId }));
        expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(MIB / 4);
        expect(firstDifference(concat(chunks), concat(lines))).toBe(-1);
      }),
    );

    it(
      "takes a head of exactly 64 KiB and refuses one byte more with head-too-large",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const largest = lineOf(MAX_HEAD_BYTES);
        await store.setHead(KEY, logId, largest);
        const beyond = store.setHead(KEY, logId, lineOf(MAX_HEAD_BYTES + 1));
        expect(await codeOf(beyond)).toBe("head-too-large");
        const head = (await store.stat(KEY))?.head ?? utf8("none");
        expect(firstDifference(head, largest)).toBe(-1);
      }),
    );

    it(
      "takes a document of exactly 256 KiB and refuses one byte more with document-too-large",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        const largest = lineOf(MAX_DOCUMENT_BYTES);
        await store.setDocument(KEY, logId, largest);
        const beyond = store.setDocument(KEY, logId, lineOf(MAX_DOCUMENT_BYTES + 1));
        expect(await codeOf(beyond)).toBe("document-too-large");
        const document = (await store.stat(KEY))?.document ?? utf8("none");
        expect(firstDifference(document, largest)).toBe(-1);
      }),
    );

    it(
      "takes mark data of exactly 4,096 characters of any kind",
      fresh(async ({ store }) => {
        const { logId } = await store.create(KEY);
        for (const character of ["x", "€", '"', "\u0001"]) {
          const data = character.repeat(MAX_MARK_CHARS);
          await store.markOpen(KEY, logId, "run-1", data);
          const [mark] = await collect(store.openRuns());
          expect(mark?.data === data).toBe(true);
        }
      }),
    );

    it(
      "keeps sessions apart whose names are prefixes of each other or mean something elsewhere",
      fresh(async ({ store }) => {
        const keys = HOSTILE_NAMES.flatMap((project) =>
          HOSTILE_NAMES.map((session) => ({ project, session })),
        );
        await Promise.all(
          keys.map((key) => seedLog(store, [utf8(`${key.project} ${key.session}\n`)], key)),
        );
        for (const key of keys)
          expect(await readRaw(store, key)).toEqual(utf8(`${key.project} ${key.session}\n`));
        expect(await store.delete({ project: "a", session: "a" })).toBe(true);
        expect(await store.stat({ project: "a", session: "a" })).toBeNull();
        const { items } = await store.list({ limit: 1000 });
        expect(items).toHaveLength(keys.length - 1);
      }),
      MANY_STEPS_MS,
    );
  });
}
