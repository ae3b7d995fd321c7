import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { utf8 } from "../contract/bytes.ts";
import { SessionClient } from "../contract/session-routes/harness.ts";
import { createTestServer } from "../support/test-server.ts";

const KEY = { project: "p1", session: "s1" };
const EVENTS = 20_000;

/** A server that starts with a log of which no state is known, and whose read from the start waits for `read`. */
async function startServer() {
  const memory = createMemoryLogStore();
  const read = Promise.withResolvers<void>();
  let isFolded = false;
  const store: typeof memory = {
    ...memory,
    read(key, range) {
      const stream = memory.read(key, range);
      if ((range.log ?? "raw") !== "raw" || (range.start ?? 0) > 0) return stream;
      const gate = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        start: () => read.promise,
        flush() {
          isFolded = true;
        },
      });
      return stream.pipeThrough(gate);
    },
  };
  const server = await createTestServer({ store });
  onTestFinished(async () => {
    read.resolve();
    await server.dispose();
  });
  const session = new SessionClient(server);
  const lines = Array.from({ length: EVENTS }, (_, index) => ({
    type: "CUSTOM",
    name: `e${index}`,
    value: "x".repeat(20),
  }));
  const { logId } = await memory.create(KEY);
  const bytes = utf8(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  await memory.append(KEY, bytes, { logId, expectedEnd: 0 });
  return { session, read, isFolded: () => isFolded };
}

describe("a page of a long log of which no state is known", () => {
  it.each(["?view=raw&limit=5", "?limit=5", "?view=raw&limit=5&offset=600000"])(
    "is there before the log is read: %s",
    async (query) => {
      const { session, isFolded } = await startServer();
      for (let page = 0; page < 3; page += 1) {
        const answer = await session.get(`/agui/events/page${query}`);
        expect(answer.status).toBe(200);
        expect(isFolded()).toBe(false);
        const { events }: { events: readonly { name: string }[] } = await answer.json();
        expect(events).toHaveLength(5);
      }
    },
  );
});
