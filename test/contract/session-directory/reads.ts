import { describe, expect, it } from "vitest";
import type { SessionDirectory } from "../../../src/ports/session-directory.ts";
import { collect } from "../outcome.ts";
import { ALIKE, MANY, type WithSessions } from "./harness.ts";

/** What a directory says of the sessions that are there. */
export function readsSuite(having: WithSessions): void {
  describe("reads", () => {
    describeGet(having);
    describeRows(having);
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

function describeRows(having: WithSessions): void {
  it(
    "yields each session of a project exactly once",
    having(MANY, async (directory) => {
      const rows = await collect(directory.rows("many"));
      const names = rows.map((row) => row.session);
      expect(names).toHaveLength(1200);
      expect(new Set(names)).toEqual(
        new Set(MANY.filter((key) => key.project === "many").map((key) => key.session)),
      );
      for (const { createdAtMs, displayName, initialPrompt } of rows) {
        expect(Number.isSafeInteger(createdAtMs)).toBe(true);
        expect([typeof displayName, typeof initialPrompt]).toEqual(["string", "string"]);
      }
      expect((await collect(directory.rows("man"))).map((row) => row.session)).toEqual(["s-1"]);
    }),
  );

  it(
    "yields nothing for a project that does not exist",
    having(ALIKE, async (directory) => {
      expect(await collect(directory.rows("nowhere"))).toEqual([]);
      expect(await collect(directory.rows("a-"))).toEqual([]);
    }),
  );

  it(
    "can be left in the middle and begun again",
    having(MANY, async (directory) => {
      for (let i = 0; i < 3; i++)
        for await (const row of directory.rows("many")) {
          expect(row.session).toMatch(/^s-/);
          break;
        }
      expect(await collect(directory.rows("many"))).toHaveLength(1200);
    }),
  );

  it(
    "stops when its signal is aborted",
    having(MANY, async (directory) => {
      const abort = new AbortController();
      const reason = new Error("nobody waits for the list");
      const outcome = await takeRows(directory, abort, reason).catch((error: unknown) => error);
      // ended early or failed with the reason: both keep the rest of the source unread
      if (typeof outcome === "number") expect(outcome).toBeLessThan(1200);
      else expect(outcome).toBe(reason);
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

/** Aborts after the first row; resolves with how many rows came. */
async function takeRows(
  directory: SessionDirectory,
  abort: AbortController,
  reason: Error,
): Promise<number> {
  let rows = 0;
  for await (const row of directory.rows("many", { signal: abort.signal })) {
    rows += row.session === "" ? 0 : 1;
    abort.abort(reason);
  }
  return rows;
}
