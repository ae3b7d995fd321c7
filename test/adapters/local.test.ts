import { describe, expect, it } from "vitest";
import { createLocalDirectory } from "../../adapters/local/index.ts";
import { createSessionIndex } from "../../adapters/local/session-index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { DESIRED_PHASE, type SessionDirectory } from "../../src/ports/session-directory.ts";
import { isLabel } from "../../src/ports/label.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { createTimeSlicer } from "../../src/stream/sync/time-slicer.ts";
import { sessionDirectoryContract } from "../contract/index.ts";
import { codeOf } from "../contract/outcome.ts";
import { everything } from "../contract/session-directory/harness.ts";
import { nextTurn } from "../contract/wait-for.ts";

const RUNNER_URL = "http://{session}.{project}.test:8001";
const KEY = { project: "p", session: "s" };

function localDirectory(store: LogStore): SessionDirectory {
  return createLocalDirectory({ store, runnerUrl: RUNNER_URL });
}

/** The names of a project's sessions; those of this second are in their order. */
async function namesOf(directory: SessionDirectory): Promise<string[]> {
  const page = await directory.page("p", { limit: 100, offset: 0, search: "" });
  return page.documents.map(({ metadata }) => metadata.name).toSorted();
}

/** The store, and how many listings it was asked for. */
function countingListings(store: LogStore): { counted: LogStore; listings: () => number } {
  let listings = 0;
  const counted: LogStore = {
    ...store,
    list(options) {
      if (options?.after === undefined) listings++;
      return store.list(options);
    },
  };
  return { counted, listings: () => listings };
}

sessionDirectoryContract("local, of sessions that only have a log", {
  async create(sessions) {
    const store = createMemoryLogStore();
    for (const key of sessions) await store.create(key);
    return { directory: localDirectory(store), dispose: () => store.close() };
  },
});

sessionDirectoryContract("local, of sessions that were made", {
  async create(sessions) {
    const store = createMemoryLogStore();
    const directory = localDirectory(store);
    for (const key of sessions) await directory.create(key, { metadata: {}, spec: {} });
    return { directory, dispose: () => store.close() };
  },
});

describe("local SessionDirectory", () => {
  it("has a session in the phase that is asked for, from its making on", async () => {
    const directory = localDirectory(createMemoryLogStore());
    const made = await directory.create(KEY, { metadata: {}, spec: {} });
    expect(made.status).toEqual({ phase: "Running" });
    for (const phase of ["Stopped", "Running"]) {
      const after = await directory.update(KEY, (document) => ({
        ...document,
        metadata: { ...document.metadata, annotations: { [DESIRED_PHASE]: phase } },
      }));
      expect(after?.status).toEqual({ phase });
      expect((await directory.get(KEY))?.status).toEqual({ phase });
    }
  });

  it("leaves the log of a session alone when it gets a document", async () => {
    const store = createMemoryLogStore();
    const { logId } = await store.create(KEY);
    await store.append(KEY, new TextEncoder().encode("{}\n"), { logId, expectedEnd: 0 });
    const directory = localDirectory(store);
    const before = await directory.get(KEY);
    const after = await directory.update(KEY, (document) => document);
    expect(after).toEqual(before);
    expect(await store.stat(KEY)).toMatchObject({ logId, end: { raw: 3 } });
  });

  it("makes nothing of a session whose document is too large, and changes nothing", async () => {
    const store = createMemoryLogStore();
    const directory = localDirectory(store);
    const spec = { initialPrompt: "x".repeat(300_000) };
    const made = directory.create(KEY, { metadata: {}, spec });
    expect(await codeOf(made)).toBe("document-too-large");
    expect(await store.stat(KEY)).toBeNull();
    const small = await directory.create(KEY, { metadata: {}, spec: {} });
    const changed = directory.update(KEY, (document) => ({ ...document, spec }));
    expect(await codeOf(changed)).toBe("document-too-large");
    expect(await directory.get(KEY)).toEqual(small);
  });

  it("shows the least of a session whose document cannot be read, and does not overwrite it", async () => {
    const store = createMemoryLogStore();
    const directory = localDirectory(store);
    const { logId } = await store.create(KEY);
    for (const text of ["", "{", "7", "null", '{"metadata":{}}']) {
      const damaged = new TextEncoder().encode(text);
      await store.setDocument(KEY, logId, damaged);
      expect((await directory.get(KEY))?.metadata).toMatchObject({ name: "s", uid: logId });
      expect(await everything(directory, "p")).toMatchObject([{ spec: { displayName: "" } }]);
      const update = directory.update(KEY, (document) => document);
      expect(await codeOf(update)).toBe("store-failed");
      expect((await store.stat(KEY))?.document).toEqual(damaged);
    }
  });

  it("reads the documents alone for the first search, and again only those that changed", async () => {
    const store = createMemoryLogStore();
    let reads = 0;
    let stats = 0;
    const directory = localDirectory({
      ...store,
      document(key, logId) {
        reads++;
        return store.document(key, logId);
      },
      stat(key) {
        stats++;
        return store.stat(key);
      },
    });
    const keys = Array.from({ length: 20 }, (_, i) => ({ project: "p", session: `s-${i}` }));
    for (const key of keys) await directory.create(key, { metadata: {}, spec: {} });
    const readsForPage = async (search: string): Promise<number> => {
      reads = 0;
      stats = 0;
      const page = await directory.page("p", { limit: 1, offset: 0, search });
      expect(page.totalCount).toBe(20);
      expect(stats).toBe(page.documents.length);
      return reads;
    };
    expect(await readsForPage("")).toBe(0);
    expect(await readsForPage("s-")).toBe(20);
    expect(await readsForPage("s-")).toBe(0);
    const [first = KEY, second = KEY] = keys;
    await directory.update(first, ({ spec, ...document }) => ({
      ...document,
      spec: { ...spec, displayName: "new" },
    }));
    await store.delete(second);
    await store.create(second);
    expect(await readsForPage("s-")).toBe(2);
    expect(await everything(directory, "p", "new")).toHaveLength(1);
  });

  it("does not remember for later lists what it read while the session was changed", async () => {
    const store = createMemoryLogStore();
    const opened = Promise.withResolvers<void>();
    let isHeld = false;
    const directory = localDirectory({
      ...store,
      async document(key, logId) {
        const document = await store.document(key, logId);
        if (isHeld) await opened.promise;
        return document;
      },
    });
    await directory.create(KEY, { metadata: {}, spec: { displayName: "old" } });
    isHeld = true;
    const listing = directory.page("p", { limit: 1, offset: 0, search: "old" });
    await nextTurn();
    isHeld = false;
    await directory.update(KEY, (document) => ({ ...document, spec: { displayName: "new" } }));
    opened.resolve();
    expect((await listing).totalCount).toBe(1);
    expect(await everything(directory, "p", "old")).toEqual([]);
    expect(await everything(directory, "p", "new")).toHaveLength(1);
  });

  it("lists a project once, and knows from then on what comes and goes by whomever", async () => {
    const store = createMemoryLogStore();
    const { counted, listings } = countingListings(store);
    const directory = localDirectory(counted);
    for (const session of ["a", "b", "c"]) await store.create({ project: "p", session });
    expect(await namesOf(directory)).toEqual(["a", "b", "c"]);
    await store.create({ project: "p", session: "bb" });
    await store.create({ project: "other", session: "x" });
    await store.delete({ project: "p", session: "a" });
    await directory.create({ project: "p", session: "d" }, { metadata: {}, spec: {} });
    expect(await namesOf(directory)).toEqual(["b", "bb", "c", "d"]);
    expect(listings()).toBe(1);
  });

  it("has what came and went while its first list was made", async () => {
    const store = createMemoryLogStore();
    const held = Promise.withResolvers<void>();
    for (const session of ["a", "b"]) await store.create({ project: "p", session });
    const directory = localDirectory({
      ...store,
      async list(options) {
        const page = await store.list(options);
        await held.promise;
        return page;
      },
    });
    const listing = namesOf(directory);
    await nextTurn();
    await store.delete({ project: "p", session: "a" });
    await store.create({ project: "p", session: "c" });
    held.resolve();
    expect(await listing).toEqual(["b", "c"]);
  });

  it("lists for all who ask meanwhile at once, and again for later ones, where others change the store", async () => {
    const store = createMemoryLogStore();
    const { counted, listings } = countingListings({ ...store, changes: null });
    const directory = localDirectory(counted);
    await store.create(KEY);
    const first = namesOf(directory);
    const rest = Promise.all([namesOf(directory), namesOf(directory), namesOf(directory)]);
    await store.create({ project: "p", session: "t" });
    await first;
    expect(await rest).toEqual([
      ["s", "t"],
      ["s", "t"],
      ["s", "t"],
    ]);
    expect(listings()).toBe(2);
    await store.delete(KEY);
    expect(await namesOf(directory)).toEqual(["t"]);
  });

  it("lists a project each time that has no room among the rows, and keeps those asked for last", async () => {
    const store = createMemoryLogStore();
    const { counted, listings } = countingListings(store);
    const turns = createTimeSlicer({ turnMs: 5 });
    // two rows have room
    const index = createSessionIndex({ store: counted, turns, maxBytes: 700 });
    const names = async (project: string): Promise<string[]> =>
      (await index.rows(project)).map(({ session }) => session);
    for (const project of ["a", "b", "c"]) await store.create({ project, session: "s" });
    for (const project of ["a", "b", "a", "c", "a"]) expect(await names(project)).toEqual(["s"]);
    expect(listings()).toBe(3);
    expect(await names("b")).toEqual(["s"]);
    expect(listings()).toBe(4);
    for (const session of ["t", "u", "v"]) await store.create({ project: "b", session });
    for (let again = 0; again < 2; again++) expect(await names("b")).toEqual(["s", "t", "u", "v"]);
    expect(listings()).toBe(6);
  });

  it("fills names into the runner's URL", async () => {
    const directory = localDirectory(createMemoryLogStore());
    expect(await directory.addressOf(KEY)).toBe("http://s.p.test:8001/");
  });

  it("fills in a label of the name, which leads nowhere else", async () => {
    const directory = localDirectory(createMemoryLogStore());
    for (const session of ["A001", "x.evil.example", "x@evil:80", "...", "~", "X".repeat(128)]) {
      const address = await directory.addressOf({ project: "p", session });
      const [label, ...rest] = new URL(address).host.split(".");
      expect(isLabel(label ?? "")).toBe(true);
      expect(rest).toEqual(["p", "test:8001"]);
    }
  });

  it("has the address of the agent that a session's document names, else of one that is asked for, else of the first", async () => {
    const directory = createLocalDirectory({
      store: createMemoryLogStore(),
      runnerUrl: RUNNER_URL,
      agents: [
        { name: "coder", url: "http://coder/{session}", description: "Writes code" },
        { name: "Support_2", url: "http://gateway/{agent}/{project}/" },
      ],
    });
    expect(directory.agents).toEqual([
      { name: "coder", description: "Writes code" },
      { name: "Support_2", description: null },
    ]);
    const support = "http://gateway/Support_2/p/";
    expect(await directory.addressOf(KEY)).toBe("http://coder/s/");
    expect(await directory.addressOf(KEY, "Support_2")).toBe(support);
    await directory.create(KEY, { metadata: {}, spec: { agent: "Support_2" } });
    expect(await directory.addressOf(KEY)).toBe(support);
    expect(await directory.addressOf(KEY, "coder")).toBe(support);
    await directory.update(KEY, ({ spec, ...rest }) => ({
      ...rest,
      spec: { ...spec, agent: "gone" },
    }));
    expect(await codeOf(directory.addressOf(KEY, "coder"))).toBe("agent-not-configured");
    // a document that no server wrote so
    await directory.update(KEY, ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, agent: 7 } }));
    expect(await directory.addressOf(KEY)).toBe("http://coder/s/");
  });
});
