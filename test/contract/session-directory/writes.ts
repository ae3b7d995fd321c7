import { describe, expect, it } from "vitest";
import type { SessionKey } from "../../../src/ports/log-store.ts";
import type {
  NewSession,
  SessionDirectory,
  SessionDocument,
} from "../../../src/ports/session-directory.ts";
import { codeOf, reasonOf } from "../outcome.ts";
import { ALIKE, everything, type WithSessions } from "./harness.ts";

/** A name that none of `ALIKE` has, and that a careless search would mix up with some. */
const KEY: SessionKey = { project: "a", session: "s-2" };

const SESSION: NewSession = {
  metadata: {
    labels: { team: "blue" },
    annotations: { "example.com/note": "ünïcode 😀", "vteam.ambient-code/x": "1" },
  },
  spec: {
    displayName: "A session",
    initialPrompt: "Say hello",
    llmSettings: { model: "m", temperature: 0.7, maxTokens: 4000 },
    timeout: 300,
    environmentVariables: { A: "1" },
  },
};

/** How sessions are made, changed and removed. */
export function writesSuite(having: WithSessions): void {
  describe("writes", () => {
    describeCreate(having);
    describeUpdate(having);
    describeDelete(having);
  });
}

function describeCreate(having: WithSessions): void {
  it(
    "makes a session and completes its document; get and page reflect it",
    having(ALIKE, async (directory) => {
      const made = await directory.create(KEY, SESSION);
      expect(made.metadata).toMatchObject({
        ...SESSION.metadata,
        name: KEY.session,
        namespace: KEY.project,
        uid: expect.stringMatching(/./),
        creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      });
      expect(made.spec).toMatchObject(SESSION.spec);
      expect(made["autoBranch"]).toBe("ambient/s-2");
      expect(await directory.get(KEY)).toEqual(made);
      expect(await everything(directory, "a")).toContainEqual(made);
      expect(await everything(directory, "a", "say hello")).toEqual([made]);
      expect(await directory.projectsWith("s-2")).toEqual(["a"]);
    }),
  );

  it(
    "refuses a name that is there with session-exists, and leaves it as it is",
    having(ALIKE, async (directory) => {
      const [there = KEY] = ALIKE;
      const before = await directory.get(there);
      expect(await codeOf(directory.create(there, SESSION))).toBe("session-exists");
      expect(await directory.get(there)).toEqual(before);
    }),
  );

  it(
    "makes one session when many make it at once",
    having(ALIKE, async (directory) => {
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          codeOf(directory.create(KEY, { ...SESSION, spec: { displayName: `number ${i}` } })),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === "resolved")).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === "session-exists")).toHaveLength(9);
      const { spec } = await need(directory, KEY);
      expect(spec["displayName"]).toBe(`number ${outcomes.indexOf("resolved")}`);
    }),
  );
}

function describeUpdate(having: WithSessions): void {
  it(
    "resolves with what the change makes of the document; get and page reflect it",
    having(ALIKE, async (directory) => {
      await everything(directory, "a");
      for (const key of ALIKE) {
        const before = await need(directory, key);
        const after = await directory.update(key, (document) => named(document, "another name"));
        expect(after?.spec).toEqual({ ...before.spec, displayName: "another name" });
        expect(await directory.get(key)).toEqual(after);
      }
      const documents = await everything(directory, "a", "another NAME");
      expect(documents.map(({ spec }) => spec["displayName"])).toEqual([
        "another name",
        "another name",
      ]);
    }),
  );

  it(
    "changes neither name nor namespace nor uid",
    having(ALIKE, async (directory) => {
      const { metadata } = await directory.create(KEY, SESSION);
      const after = await directory.update(KEY, (document) => ({
        ...document,
        metadata: { ...document.metadata, name: "x", namespace: "x", uid: "x" },
      }));
      expect(after?.metadata).toMatchObject({
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
      });
    }),
  );

  it(
    "takes fields away as well: what the change leaves out is gone",
    having([], async (directory) => {
      await directory.create(KEY, SESSION);
      await directory.update(KEY, (document) => ({
        ...document,
        spec: { displayName: "alone" },
        metadata: { ...document.metadata, annotations: { "example.com/other": "2" } },
      }));
      const { metadata, spec } = await need(directory, KEY);
      expect(spec).not.toHaveProperty("initialPrompt");
      expect(metadata.annotations).toEqual({ "example.com/other": "2" });
    }),
  );

  it(
    "takes effect one after the other: none of many at once is lost",
    having(ALIKE, async (directory) => {
      await directory.create(KEY, { metadata: {}, spec: { environmentVariables: {} } });
      const names = Array.from({ length: 25 }, (_, i) => `N${i}`);
      await Promise.all(
        names.map((name) => directory.update(KEY, (document) => withVariable(document, name))),
      );
      const { spec } = await need(directory, KEY);
      expect(Object.keys(spec["environmentVariables"] ?? {}).toSorted()).toEqual(names.toSorted());
    }),
  );

  it(
    "throws what the change throws, and the document stays",
    having(ALIKE, async (directory) => {
      const made = await directory.create(KEY, SESSION);
      const refusal = new Error("not this one");
      const refused = directory.update(KEY, () => {
        throw refusal;
      });
      expect(await reasonOf(refused)).toBe(refusal);
      expect(await directory.get(KEY)).toEqual(made);
      expect(await directory.update(KEY, (document) => document)).not.toBeNull();
    }),
  );

  it(
    "is null for a name that does not exist, and the change is not asked",
    having(ALIKE, async (directory) => {
      const updated = await directory.update(KEY, () => {
        throw new Error("asked");
      });
      expect(updated).toBeNull();
      expect(await directory.get(KEY)).toBeNull();
    }),
  );
}

function describeDelete(having: WithSessions): void {
  it(
    "removes the session and no other, and says whether there was one",
    having(ALIKE, async (directory) => {
      for (const [i, key] of ALIKE.entries()) {
        expect(await directory.delete(key)).toBe(true);
        expect(await directory.delete(key)).toBe(false);
        for (const [j, other] of ALIKE.entries())
          expect((await directory.get(other)) !== null).toBe(j > i);
      }
      expect(await everything(directory, "a")).toEqual([]);
      expect(await directory.projectsWith("s")).toEqual([]);
      expect(await directory.delete(KEY)).toBe(false);
    }),
  );

  it(
    "leaves nothing to a session that is made again under the name; it has another uid",
    having(ALIKE, async (directory) => {
      const uids = new Set<string>();
      for (let i = 0; i < 5; i++) {
        const made = await directory.create(KEY, i % 2 === 0 ? SESSION : BARE);
        if (i % 2 !== 0) expect(made.metadata).not.toHaveProperty("annotations");
        expect(made.spec["displayName"] ?? "").toBe(i % 2 === 0 ? "A session" : "");
        const listed = (await everything(directory, "a")).find(
          ({ metadata }) => metadata.name === KEY.session,
        );
        expect(listed).toEqual(made);
        expect(await everything(directory, "a", "hello")).toEqual(i % 2 === 0 ? [made] : []);
        uids.add(made.metadata.uid);
        expect(await directory.delete(KEY)).toBe(true);
      }
      expect(uids.size).toBe(5);
    }),
  );

  it(
    "and update at once end with the session gone",
    having(ALIKE, async (directory) => {
      await directory.create(KEY, SESSION);
      const update = directory.update(KEY, (document) => named(document, "late"));
      expect(await directory.delete(KEY)).toBe(true);
      await update;
      expect(await directory.get(KEY)).toBeNull();
      expect(await directory.update(KEY, (document) => named(document, "later"))).toBeNull();
    }),
  );
}

const BARE: NewSession = { metadata: {}, spec: {} };

function named(document: SessionDocument, displayName: string): SessionDocument {
  return { ...document, spec: { ...document.spec, displayName } };
}

function withVariable({ spec, ...document }: SessionDocument, name: string): SessionDocument {
  const variables = spec["environmentVariables"] as Record<string, string>;
  return { ...document, spec: { ...spec, environmentVariables: { ...variables, [name]: "1" } } };
}

async function need(directory: SessionDirectory, key: SessionKey): Promise<SessionDocument> {
  const document = await directory.get(key);
  if (!document) throw new Error("The session is not there");
  return document;
}
