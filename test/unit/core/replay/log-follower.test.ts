import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLiveFeed, createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { factsOfLine } from "../../../../src/core/model/server-events.ts";
import {
  AT_END,
  createLogFollower,
  type LogFollower,
} from "../../../../src/core/replay/log-follower.ts";
import { findReplayStart } from "../../../../src/core/replay/resume-point.ts";
import type { Session } from "../../../../src/core/session/session.ts";
import type { LiveFeed } from "../../../../src/ports/live-feed.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { createBytesInFlight } from "../../../../src/stream/sync/bytes-in-flight.ts";
import { createTimeSlicer } from "../../../../src/stream/sync/time-slicer.ts";
import { utf8 } from "../../../contract/bytes.ts";
import { codeOf } from "../../../contract/outcome.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const RING_BYTES = 200;

interface Followed {
  readonly store: LogStore;
  readonly feed: LiveFeed;
  readonly session: Session;
  append(text: string): Promise<void>;
  follow(options?: { readonly framed?: boolean; readonly from?: number }): Promise<LogFollower>;
}

/** A session that is written to, and readers of it whose reads are of `readBytes` each. */
async function followed(readBytes = 64 * 1024): Promise<Followed> {
  const store = createMemoryLogStore();
  const feed = createMemoryLiveFeed();
  const sessions = sessionsOf(store, { feed, ringBytes: RING_BYTES });
  const { session } = sessions.use(KEY);
  const logId = await session.loadOrCreate();
  const limits = { limitBytes: readBytes, minBytes: readBytes, maxBytes: readBytes };
  const reads = {
    bytes: createBytesInFlight(limits),
    turns: createTimeSlicer({ turnMs: 1_000 }),
  };
  return {
    store,
    feed,
    session,
    async append(text) {
      const line = utf8(`{"type":"CUSTOM","value":${JSON.stringify(text)}}\n`);
      await session.append({ lines: [line], events: [factsOfLine(line)] }, { logId });
    },
    async follow({ framed = false, from } = {}) {
      const cursor = from === undefined ? null : `${logId}-r${from}`;
      const start = await findReplayStart(session, { store, cursor, view: "raw" });
      return createLogFollower(sessions.use(KEY), { store, start, reads, framed });
    },
  };
}

/** A character a byte: a chunk may end within one that takes several. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** Takes what there is; the bytes of the log, also of chunks that are frames already. */
async function readToEnd(follower: LogFollower): Promise<string> {
  let text = "";
  for (let chunk = await follower.poll(); chunk !== AT_END; chunk = await follower.poll()) {
    if (chunk === null) throw new Error("the log is gone");
    const bytes = textOf(chunk.bytes);
    text += chunk.isFramed ? bytes.replaceAll(/^data: (.*)\nid: .*\n\n/gmu, "$1\n") : bytes;
  }
  return text;
}

async function stored({ store }: Followed): Promise<string> {
  let text = "";
  const found = await store.stat(KEY);
  for await (const bytes of store.read(KEY, { logId: found?.logId ?? "" })) text += textOf(bytes);
  return text;
}

describe("a follower of a log", () => {
  const step = fc.oneof(
    fc.record({ append: fc.string({ unit: "grapheme", maxLength: 80 }) }),
    fc.constant("read" as const),
    fc.constant("read" as const),
  );

  it("gives every byte once and in order, however appends and reads take turns", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.boolean(),
        fc.constantFrom(1, 7, 64, 65_536),
        async (steps, framed, readBytes) => {
          const log = await followed(readBytes);
          const follower = await log.follow({ framed });
          let text = "";
          for (const next of [...steps, "read" as const])
            if (next === "read") text += await readToEnd(follower);
            else await log.append(next.append);
          expect(text).toBe(await stored(log));
          expect(follower.atLineEnd).toBe(true);
          follower.close();
        },
      ),
      { numRuns: 50 },
    );
  });

  it("goes on when an end was announced that the log does not have", async () => {
    const log = await followed();
    const follower = await log.follow();
    await log.append("first");
    const { logId, end } = log.session.log.position ?? { logId: "", end: 0 };
    log.feed.publish({ ...KEY, logId, end: end + 1_000 });
    expect(log.session.log.position?.end).toBe(end + 1_000);
    expect(await readToEnd(follower)).toBe(await stored(log));
    await log.append("second");
    expect(await readToEnd(follower)).toContain("second");
    follower.close();
  });

  it("begins after a cursor, at whichever event that is", async () => {
    const log = await followed();
    for (const text of ["one", "two", "three"]) await log.append(text);
    const whole = await stored(log);
    for (let from = whole.indexOf("\n") + 1; from > 0; from = whole.indexOf("\n", from) + 1) {
      const follower = await log.follow({ from });
      expect(await readToEnd(follower)).toBe(whole.slice(from));
      follower.close();
    }
  });

  it("waits for what is appended, and gives it then", async () => {
    const log = await followed();
    const follower = await log.follow();
    const next = follower.next();
    await log.append("late");
    expect(textOf((await next)!.bytes)).toBe(await stored(log));
    follower.close();
  });

  it("ends a wait when it is closed", async () => {
    const log = await followed();
    const follower = await log.follow();
    const reason = new Error("closed");
    const next = follower.next().catch(() => reason);
    follower.close();
    expect([null, reason]).toContain(await next);
  });

  it("ends with the log, but not in the middle of a line", async () => {
    const whole = await followed();
    await whole.append("something");
    const atEnd = await whole.follow();
    await readToEnd(atEnd);
    await whole.store.delete(KEY);
    await whole.session.log.refresh();
    expect(await atEnd.next()).toBeNull();

    const cut = await followed(8);
    await cut.append("something that takes more than one read");
    const within = await cut.follow();
    await within.next();
    expect(within.atLineEnd).toBe(false);
    await cut.store.delete(KEY);
    await cut.session.log.refresh();
    const rest = (async () => {
      while ((await within.next()) !== null);
    })();
    expect(await codeOf(rest)).toBe("log-not-found");
  });
});
