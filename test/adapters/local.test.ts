import { describe, expect, it } from "vitest";
import { createLocalDirectory } from "../../adapters/local/index.ts";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { sessionDirectoryContract } from "../contract/index.ts";
import { createManualClock } from "../support/manual-clock.ts";

const RUNNERS = "http://{session}.{project}.invalid:8001";

sessionDirectoryContract("local, over the memory store", {
  async create(sessions) {
    const store = createMemoryLogStore();
    for (const key of sessions) await store.create(key);
    return {
      directory: createLocalDirectory({ store, runnerUrl: RUNNERS }),
      dispose: () => store.close(),
    };
  },
});

describe("local SessionDirectory", () => {
  const key = { project: "p", session: "s" };

  it.each([
    [RUNNERS, "http://s.p.invalid:8001/"],
    ["https://runners.invalid/{project}/{session}/", "https://runners.invalid/p/s/"],
    ["http://127.0.0.1:9", "http://127.0.0.1:9/"],
  ])("fills the names into %s", async (runnerUrl, address) => {
    const directory = createLocalDirectory({ store: createMemoryLogStore(), runnerUrl });
    // also for a session that has no log yet: its first run makes it
    expect(await directory.addressOf(key)).toBe(address);
  });

  it("dates a session by its log, to the second", async () => {
    const store = createMemoryLogStore({ clock: createManualClock(1_700_000_000_999) });
    const { logId } = await store.create(key);
    const document = await createLocalDirectory({ store, runnerUrl: RUNNERS }).get(key);
    expect(document?.metadata).toMatchObject({
      uid: logId,
      creationTimestamp: "2023-11-14T22:13:20Z",
    });
  });

  it("holds no session that was deleted", async () => {
    const store = createMemoryLogStore();
    const directory = createLocalDirectory({ store, runnerUrl: RUNNERS });
    await store.create(key);
    await store.delete(key);
    expect(await directory.get(key)).toBeNull();
    expect(await directory.projectsWith("s")).toEqual([]);
  });

  it("fails as its store does", async () => {
    const store = createMemoryLogStore();
    const directory = createLocalDirectory({ store, runnerUrl: RUNNERS });
    await store.close();
    await expect(directory.get(key)).rejects.toMatchObject({ code: "store-closed" });
    await expect(directory.projectsWith("s")).rejects.toMatchObject({ code: "store-closed" });
    await expect(directory.rows("p")[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "store-closed",
    });
  });
});
