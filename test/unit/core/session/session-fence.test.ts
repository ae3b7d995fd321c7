import { describe, expect, it } from "vitest";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import { codeOf } from "../../../contract/outcome.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const line = new TextEncoder().encode('{"type":"RUN_STARTED","runId":"old"}\n');
const LINES = {
  lines: [line],
  events: [factsOfLine(line)],
};

describe("a session that was deleted and made again", () => {
  it.each([true, false])(
    "takes nothing of a run of the old one, whether the deletion was announced: %j",
    async (announced) => {
      const store = createMemoryLogStore();
      const feed = createMemoryLiveFeed();
      const { session } = sessionsOf(store, { feed }).use(KEY);
      const old = await session.loadOrCreate();
      await session.append(LINES, { logId: old });

      await store.delete(KEY);
      if (announced) feed.publish({ ...KEY, logId: null, end: 0 });
      const { logId } = await store.create(KEY);
      for (let i = 0; i < 3; i++)
        expect(await codeOf(session.append(LINES, { logId: old }))).toBe("log-fenced");
      expect((await store.stat(KEY))?.end.raw).toBe(0);

      // what is told of the new one is not what was known of the old one
      if (!announced) feed.publish({ ...KEY, logId, end: 0 });
      expect(await session.load()).toBe(logId);
      expect(session.state).toMatchObject({ offset: 0, status: null, runs: [] });
    },
  );
});
