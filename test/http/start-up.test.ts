import { expect, it, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { startedEvent } from "../contract/session-routes/harness.ts";
import { createTestServer } from "../support/test-server.ts";

const SESSIONS = 10_000;
const OPEN = [17, 4_711, 9_999];
const line = (text: string): Uint8Array => new TextEncoder().encode(`${text}\n`);

it("a start among 10,000 sessions looks at the three whose runs were orphaned, and closes them first", async () => {
  const store = createMemoryLogStore();
  for (let i = 0; i < SESSIONS; i++) {
    const key = { project: "p1", session: `s${i}` };
    const { logId } = await store.create(key);
    await store.append(key, line(startedEvent("left")), { logId, expectedEnd: 0 });
    if (OPEN.includes(i)) await store.markOpen(key, logId, "left", '{"threadId":"t"}');
  }
  const asked = {
    stat: vi.spyOn(store, "stat"),
    read: vi.spyOn(store, "read"),
    list: vi.spyOn(store, "list"),
    append: vi.spyOn(store, "append"),
  };
  const server = await createTestServer({ store });
  const names = OPEN.map((i) => `s${i}`);
  for (const call of [asked.stat, asked.read, asked.append])
    expect(new Set(call.mock.calls.map(([key]) => key.session))).toEqual(new Set(names));
  // to know the log, to know where to write, to compact what has ended and to read it for that twice
  expect(asked.stat.mock.calls.length).toBeLessThanOrEqual(5 * OPEN.length);
  expect(asked.list).not.toHaveBeenCalled();

  for (const name of names) {
    const response = await server.fetch(`/api/projects/p1/agentic-sessions/${name}/export`);
    const { aguiEvents } = (await response.json()) as { aguiEvents: unknown[] };
    expect(aguiEvents).toMatchObject([
      { type: "RUN_STARTED", runId: "left" },
      { type: "RUN_ERROR", runId: "left", code: "server-restarted" },
    ]);
  }
  const marks: unknown[] = [];
  for await (const mark of store.openRuns()) marks.push(mark);
  expect(marks).toEqual([]);
  await server.dispose();
});
