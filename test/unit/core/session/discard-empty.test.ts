import { describe, expect, it } from "vitest";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import { createSessions } from "../../../../src/core/session/session-registry.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { createByteBudget } from "../../../../src/stream/sync/byte-budget.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { noLegacyLogs } from "../../../support/no-legacy-logs.ts";

const KEY = { project: "p", session: "s" };
const silent = { info() {}, warn() {}, error() {} };
const line = new TextEncoder().encode('{"type":"META"}\n');
const LINES = { lines: [line], events: [factsOfLine(line)] };

function sessionOn(store: LogStore) {
  return createSessions({
    legacyImports: noLegacyLogs,
    store,
    feed: createMemoryLiveFeed(),
    clock: createManualClock(),
    logger: silent,
    ringBytes: 1000,
    ringBudget: createByteBudget(1000),
    idleMs: 1000,
  }).use(KEY).session;
}

describe("a new log of which nothing was stored", () => {
  it("is removed", async () => {
    const store = createMemoryLogStore();
    const session = sessionOn(store);
    await session.discardEmpty(await session.loadOrCreate());
    expect(await store.stat(KEY)).toBeNull();
  });

  it("stays when somebody else has stored something since it was found empty", async () => {
    const store = createMemoryLogStore();
    const found = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    let isHeld = false;
    const session = sessionOn({
      ...store,
      async stat(key) {
        const stat = await store.stat(key);
        if (!isHeld) return stat;
        isHeld = false;
        found.resolve();
        await goOn.promise;
        return stat;
      },
    });
    const logId = await session.loadOrCreate();
    isHeld = true;
    const discarded = session.discardEmpty(logId);
    await found.promise;
    await session.append(LINES, { logId });
    goOn.resolve();
    await discarded;
    expect(await store.stat(KEY)).toMatchObject({ logId, end: { raw: line.length } });
  });

  it("stays while a document is stored for it, and when that was done since it was found empty", async () => {
    const store = createMemoryLogStore();
    const found = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    let isHeld = false;
    const session = sessionOn({
      ...store,
      async stat(key) {
        const stat = await store.stat(key);
        if (!isHeld) return stat;
        isHeld = false;
        found.resolve();
        await goOn.promise;
        return stat;
      },
    });
    const logId = await session.loadOrCreate();
    const document = new TextEncoder().encode("{}");
    const stored = Promise.withResolvers<void>();
    const storing = session.whileStoring(() => stored.promise);
    await session.discardEmpty(logId);
    expect(await store.stat(KEY)).toMatchObject({ logId });
    stored.resolve();
    await storing;
    isHeld = true;
    const discarded = session.discardEmpty(logId);
    await found.promise;
    await session.whileStoring(() => store.setDocument(KEY, logId, document));
    goOn.resolve();
    await discarded;
    expect(await store.stat(KEY)).toMatchObject({ logId, document });
  });
});
