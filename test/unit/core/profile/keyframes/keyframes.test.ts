import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../../adapters/memory/index.ts";
import { compactSession } from "../../../../../src/core/compaction/compact-session.ts";
import { formatCursor } from "../../../../../src/core/model/cursor.ts";
import { createKeyframes } from "../../../../../src/core/profile/keyframes/keyframes.ts";
import { openSnapshotAt } from "../../../../../src/core/profile/snapshot-at.ts";
import type { LogName, LogStore } from "../../../../../src/ports/log-store.ts";
import { createByteBudget } from "../../../../../src/stream/sync/byte-budget.ts";
import { withoutKeyframes } from "../../../../support/harmed-keyframes.ts";
import { sessionsOf, silent } from "../../../../support/session-registry.ts";
import { profileBudgets } from "../../../../support/told-log.ts";

const KEY = { project: "p", session: "s" };
const STRETCH_BYTES = 16 * 1024;
const NEVER = new AbortController().signal;

/** A run that answers with so many words, each an event, and sets the state. */
function runOf(index: number, words: number): string {
  const ids = { threadId: "t", runId: `r${index}` };
  const deltas = Array.from({ length: words }, (_, word) => ({
    type: "TEXT_MESSAGE_CONTENT",
    messageId: `m${index}`,
    delta: `word ${word} `,
  }));
  const events = [
    { type: "RUN_STARTED", ...ids },
    { type: "STATE_SNAPSHOT", snapshot: { run: index } },
    { type: "TEXT_MESSAGE_START", messageId: `m${index}`, role: "assistant" },
    ...deltas,
    { type: "TEXT_MESSAGE_END", messageId: `m${index}` },
    { type: "RUN_FINISHED", ...ids },
  ];
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

async function compactedLog(runs: number): Promise<LogStore> {
  const store = createMemoryLogStore();
  const { logId } = await store.create(KEY);
  const text = Array.from({ length: runs }, (_, index) => runOf(index, 40)).join("");
  await store.append(KEY, new TextEncoder().encode(text), { logId, expectedEnd: 0 });
  await sessionsOf(store).with(KEY, async (session) => {
    const readable = (await session.readable())!;
    await compactSession({ key: KEY, store, log: session.compact, readable, signal: NEVER });
  });
  return store;
}

function update(
  store: LogStore,
  {
    signal = NEVER,
    budgets = profileBudgets(),
  }: { signal?: AbortSignal; budgets?: ReturnType<typeof profileBudgets> } = {},
): Promise<void> {
  const keyframes = createKeyframes({ store, budgets, stretchBytes: STRETCH_BYTES });
  return sessionsOf(store).with(KEY, (session) => keyframes.update(session, signal));
}

/** The snapshot after a part of the raw log. */
async function snapshotAt(store: LogStore, part: number): Promise<string> {
  const { logId, end } = (await store.stat(KEY))!;
  let offset = Math.floor(part * end.raw);
  // to the end of its line
  for await (const chunk of store.read(KEY, { logId, start: offset })) {
    const lf = chunk.indexOf(10);
    offset += lf === -1 ? 0 : lf + 1;
    break;
  }
  const service = { store, logger: silent, profileBudgets: profileBudgets() };
  const cursor = formatCursor({ log: "raw", logId, offset });
  const source = (await openSnapshotAt(service, sessionsOf(store).use(KEY), cursor))!;
  let text = "";
  for (let chunk = await source.next(); chunk; chunk = await source.next())
    text += new TextDecoder().decode(chunk);
  source.close();
  return text;
}

/** Counts the bytes that are read of each log. */
function counted(store: LogStore): { store: LogStore; bytes: Map<LogName, number> } {
  const bytes = new Map<LogName, number>();
  const read: LogStore["read"] = (key, options) => {
    const { log = "raw" } = options;
    const source = store.read(key, options).getReader();
    return new ReadableStream({
      type: "bytes",
      async pull(controller) {
        const { value } = await source.read();
        if (!value) {
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        bytes.set(log, (bytes.get(log) ?? 0) + value.length);
        controller.enqueue(value);
      },
      cancel: () => source.cancel(),
    });
  };
  return { store: { ...store, read }, bytes };
}

describe("keyframes", () => {
  it("make a snapshot of what is read little before its cursor", async () => {
    const kept = await compactedLog(400);
    await update(kept);
    const { end } = (await kept.stat(KEY))!;
    const [plain, framed] = [counted(withoutKeyframes(kept)), counted(kept)];
    const text = await snapshotAt(framed.store, 0.97);
    expect(text).toBe(await snapshotAt(plain.store, 0.97));
    expect(JSON.parse(text)).toMatchObject({ state: { run: 388 } });
    const restored = framed.bytes.get("keyframes") ?? 0;
    expect(restored).toBeGreaterThan(0);
    expect(restored).toBeLessThan(2 * text.length + 128 * 1024);
    // both read as much to find where to begin; of what is before, one reads all, the other the end of a stretch
    const [all, some] = [plain.bytes.get("compact") ?? 0, framed.bytes.get("compact") ?? 0];
    const block = 2 * (end.compact / 400);
    expect(all - some).toBeGreaterThan(0.96 * end.compact - STRETCH_BYTES - restored / 4 - block);
    expect(all - some).toBeGreaterThan(0.5 * end.compact);
    expect(framed.bytes.get("raw")).toBeLessThan(end.raw / 4);
  });

  it("are written once, and go on from the last", async () => {
    const store = await compactedLog(100);
    await update(store);
    const { end, logId } = (await store.stat(KEY))!;
    expect(end.keyframes).toBeGreaterThan(0);
    await update(store);
    expect((await store.stat(KEY))?.end.keyframes).toBe(end.keyframes);
    const text = Array.from({ length: 100 }, (_, index) => runOf(100 + index, 40)).join("");
    await store.append(KEY, new TextEncoder().encode(text), { logId, expectedEnd: end.raw });
    await sessionsOf(store).with(KEY, async (session) => {
      const readable = (await session.readable())!;
      await compactSession({ key: KEY, store, log: session.compact, readable, signal: NEVER });
    });
    const { store: watched, bytes } = counted(store);
    await update(watched);
    expect((await store.stat(KEY))?.end.keyframes).toBeGreaterThan(end.keyframes);
    // nothing but the end of the last block, which is compared
    expect(bytes.get("raw") ?? 0).toBeLessThan(1_024);
    expect(await snapshotAt(store, 0.9)).toBe(await snapshotAt(withoutKeyframes(store), 0.9));
  });

  it("go on after a stop", async () => {
    const store = await compactedLog(100);
    const stop = new AbortController();
    const stopping: LogStore = {
      ...store,
      append(key, bytes, options) {
        stop.abort(new Error("stopped"));
        return store.append(key, bytes, options);
      },
    };
    await expect(update(stopping, { signal: stop.signal })).rejects.toThrow("stopped");
    const { end } = (await store.stat(KEY))!;
    await update(store);
    expect((await store.stat(KEY))?.end.keyframes).toBeGreaterThan(end.keyframes);
    expect(await snapshotAt(store, 0.9)).toBe(await snapshotAt(withoutKeyframes(store), 0.9));
  });

  it("are not made where the process has no room for the messages, nor by who has not the session", async () => {
    const store = await compactedLog(100);
    await update(store, { budgets: profileBudgets({ messages: createByteBudget(0) }) });
    await update({ ...store, owns: () => false });
    expect((await store.stat(KEY))?.end.keyframes).toBe(0);
  });
});
