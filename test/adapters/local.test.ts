import { describe, expect, it } from "vitest";
import { createLocalDirectory } from "../../adapters/local/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { DESIRED_PHASE, type SessionDirectory } from "../../src/ports/session-directory.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { sessionDirectoryContract } from "../contract/index.ts";
import { codeOf } from "../contract/outcome.ts";
import { everything } from "../contract/session-directory/harness.ts";
import { nextTurn } from "../contract/wait-for.ts";

const RUNNER_URL = "http://{session}.{project}.test:8001";
const KEY = { project: "p", session: "s" };

function localDirectory(store: LogStore): SessionDirectory {
  return createLocalDirectory({ store, runnerUrl: RUNNER_URL });
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

  it("reads the documents of sessions for the first list, and again only those that changed", async () => {
    const store = createMemoryLogStore();
    let reads = 0;
    const directory = localDirectory({
      ...store,
      stat(key) {
        reads++;
        return store.stat(key);
      },
    });
    const keys = Array.from({ length: 20 }, (_, i) => ({ project: "p", session: `s-${i}` }));
    for (const key of keys) await directory.create(key, { metadata: {}, spec: {} });
    // beyond the documents that are on the page
    const readsForPage = async (): Promise<number> => {
      reads = 0;
      const page = await directory.page("p", { limit: 1, offset: 0, search: "" });
      expect(page.totalCount).toBe(20);
      return reads - page.documents.length;
    };
    expect(await readsForPage()).toBe(20);
    expect(await readsForPage()).toBe(0);
    const [first = KEY, second = KEY] = keys;
    await directory.update(first, ({ spec, ...document }) => ({
      ...document,
      spec: { ...spec, displayName: "new" },
    }));
    await store.delete(second);
    await store.create(second);
    expect(await readsForPage()).toBe(2);
    expect(await everything(directory, "p", "new")).toHaveLength(1);
  });

  it("does not remember for later lists what it read while the session was changed", async () => {
    const store = createMemoryLogStore();
    const opened = Promise.withResolvers<void>();
    let isHeld = false;
    const directory = localDirectory({
      ...store,
      async stat(key) {
        const stat = await store.stat(key);
        if (isHeld) await opened.promise;
        return stat;
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

  it("fills names into the runner's URL", async () => {
    const directory = localDirectory(createMemoryLogStore());
    expect(await directory.addressOf(KEY)).toBe("http://s.p.test:8001/");
  });
});
