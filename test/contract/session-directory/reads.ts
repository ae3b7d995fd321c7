import { describe, expect, it } from "vitest";
import type { SessionKey } from "../../../src/ports/log-store.ts";
import { reasonOf } from "../outcome.ts";
import { ALIKE, everything, MANY, type WithSessions } from "./harness.ts";

/** What a directory says of the sessions that are there. */
export function readsSuite(having: WithSessions): void {
  describe("reads", () => {
    describeGet(having);
    describePages(having);
    describeNames(having);
  });
}

function describeGet(having: WithSessions): void {
  it(
    "gets the session's document, named by project and session",
    having(ALIKE, async (directory) => {
      const uids = new Set<string>();
      for (const key of ALIKE) {
        const document = await directory.get(key);
        expect(document?.metadata).toMatchObject({ name: key.session, namespace: key.project });
        expect(document?.metadata.uid).toMatch(/./);
        expect((await directory.get(key))?.metadata.uid).toBe(document?.metadata.uid);
        expect(JSON.parse(JSON.stringify(document))).toEqual(document);
        uids.add(document?.metadata.uid ?? "");
      }
      expect(uids.size).toBe(ALIKE.length);
    }),
  );

  it(
    "gets null for a name that does not exist",
    having(ALIKE, async (directory) => {
      const absent = [
        { project: "a", session: "s1" },
        { project: "ab", session: "s" },
        { project: "nowhere", session: "s" },
        { project: "s", session: "a" },
      ];
      for (const key of absent) expect(await directory.get(key)).toBeNull();
    }),
  );
}

function describePages(having: WithSessions): void {
  it(
    "pages through a project: disjoint and complete, newest first, then by name",
    having(MANY, async (directory) => {
      const names: string[] = [];
      const ages: string[] = [];
      for (let offset = 0; offset < 1200; offset += 100) {
        const page = await directory.page("many", { limit: 100, offset, search: "" });
        expect(page.totalCount).toBe(1200);
        names.push(...page.documents.map(({ metadata }) => metadata.name));
        ages.push(...page.documents.map(({ metadata }) => String(metadata["creationTimestamp"])));
      }
      const expected = MANY.filter((key) => key.project === "many").map((key) => key.session);
      expect(names.toSorted()).toEqual(expected.toSorted());
      for (const [i, age] of ages.entries()) {
        const before = ages[i - 1] ?? age;
        expect(age <= before).toBe(true);
        if (age === before && i > 0) expect(names[i]! > names[i - 1]!).toBe(true);
      }
    }),
  );

  it(
    "gives nothing beyond the end, and a last page that is not full",
    having(ALIKE, async (directory) => {
      const last = await directory.page("a", { limit: 5, offset: 1, search: "" });
      expect([last.documents.length, last.totalCount]).toEqual([1, 2]);
      const beyond = await directory.page("a", { limit: 5, offset: 2, search: "" });
      expect(beyond).toEqual({ documents: [], totalCount: 2 });
    }),
  );

  it(
    "has the documents on its pages that get gives",
    having(ALIKE, async (directory) => {
      for (const document of await everything(directory, "a")) {
        const key: SessionKey = { project: "a", session: document.metadata.name };
        expect(document).toEqual(await directory.get(key));
      }
    }),
  );

  it(
    "gives nothing for a project that does not exist",
    having(ALIKE, async (directory) => {
      expect(await everything(directory, "nowhere")).toEqual([]);
      expect(await everything(directory, "a-")).toEqual([]);
    }),
  );

  it(
    "searches name, display name and initial prompt, in any case",
    having(ALIKE, async (directory) => {
      const key: SessionKey = { project: "a", session: "s-3" };
      const spec = { displayName: "Straße Nine", initialPrompt: "Count to ÄLEVEN" };
      await directory.create(key, { metadata: {}, spec });
      const found = async (search: string): Promise<string[]> =>
        (await everything(directory, "a", search)).map(({ metadata }) => metadata.name);
      expect(await found("S-")).toEqual(expect.arrayContaining(["s-1", "s-3"]));
      for (const search of ["s-3", "STRASSE nine".slice(-4), "sTRAß", "äleven"])
        expect(await found(search)).toEqual(["s-3"]);
      expect(await found("ninecount")).toEqual([]);
      const page = await directory.page("a", { limit: 1, offset: 1, search: "nine" });
      expect(page).toEqual({ documents: [], totalCount: 1 });
    }),
  );

  it(
    "is not put together for a signal that was aborted",
    having(ALIKE, async (directory) => {
      const reason = new Error("nobody waits for the page");
      const query = { limit: 1, offset: 0, search: "" };
      const page = directory.page("a", query, { signal: AbortSignal.abort(reason) });
      expect(await reasonOf(page)).toBe(reason);
    }),
  );
}

function describeNames(having: WithSessions): void {
  it(
    "says which projects hold a session of a name",
    having(ALIKE, async (directory) => {
      expect((await directory.projectsWith("s")).toSorted()).toEqual(["a", "a-b"]);
      expect(await directory.projectsWith("s-1")).toEqual(["a"]);
      expect(await directory.projectsWith("s1")).toEqual(["ab"]);
    }),
  );

  it(
    "says that no project holds a name that does not exist",
    having(ALIKE, async (directory) => {
      for (const session of ["s-", "s-2", "a"])
        expect(await directory.projectsWith(session)).toEqual([]);
    }),
  );

  it(
    "finds a name among more sessions than a page holds",
    having(MANY, async (directory) => {
      expect((await directory.projectsWith("s-1")).toSorted()).toEqual(["man", "many"]);
      expect(await directory.projectsWith("s-1199")).toEqual(["many"]);
    }),
  );

  it(
    "gives the base URL of a session's runner, with a slash at its end",
    having(ALIKE, async (directory) => {
      for (const key of ALIKE) {
        const address = await directory.addressOf(key);
        expect(address.endsWith("/")).toBe(true);
        expect(URL.canParse(address)).toBe(true);
        expect(new URL("interrupt", address).href).toBe(`${new URL(address).href}interrupt`);
      }
    }),
  );
}
