import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { compactSession } from "../../src/core/compaction/compact-session.ts";
import { openSnapshotAt } from "../../src/core/profile/snapshot-at.ts";
import { formatCursor } from "../../src/core/model/cursor.ts";
import type { ChunkSource } from "../../src/stream/sse/paced-stream.ts";
import { readForward } from "../../src/core/history/page-events.ts";
import type { Followed } from "../support/agui-clients.ts";
import { profileBudgets } from "../support/told-log.ts";
import { sessionsOf, silent } from "../support/session-registry.ts";
import { crowdedLog } from "./crowded-log.ts";
import { plain } from "./followed.ts";
import { meaningOf } from "./meaning.ts";
import { randomLog } from "./random-log.ts";

const KEY = { project: "p", session: "s" };
/** Cursors of random logs, half of them in the raw log and half in the compact one. */
const CURSORS = Math.ceil(Number(process.env["ORACLE_LOGS"] ?? 2_000) / 10);
const TIMEOUT_MS = 3_600_000;
const ALL = { maxEvents: 1e9, maxBytes: 1e9 };

// clients say what they think of a stream, for each event of it
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

describe("a snapshot at a cursor (PROTOCOL 20.3)", () => {
  it(
    "is what the client's reducer makes of everything before it, in the raw and in the compact log",
    async () => {
      const part = fc.double({ min: 0, max: 1, noNaN: true });
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(randomLog, crowdedLog),
          part,
          part,
          fc.boolean(),
          async (lines, compacted, at, isRaw) => {
            const store = createMemoryLogStore();
            const { logId } = await store.create(KEY);
            const sessions = sessionsOf(store);
            const use = sessions.use(KEY);
            const { session } = use;
            const first = Math.round(compacted * lines.length);
            for (const some of [lines.slice(0, first), lines.slice(first)]) {
              const expectedEnd = (await store.stat(KEY))?.end.raw ?? 0;
              const bytes = new TextEncoder().encode(some.map((line) => `${line}\n`).join(""));
              if (bytes.length > 0) await store.append(KEY, bytes, { logId, expectedEnd });
              const readable = await session.readable();
              if (some.length > 0 && expectedEnd === 0 && readable)
                await compactSession({
                  key: KEY,
                  store,
                  log: session.compact,
                  readable,
                  signal: new AbortController().signal,
                });
            }
            const stat = (await store.stat(KEY))!;
            const position = isRaw ? null : await session.compact.find(stat);
            const place = position
              ? ({ log: "compact", logId, generation: position.generation } as const)
              : ({ log: "raw", logId } as const);
            const end = position?.end ?? stat.end.raw;
            const { events } = await readForward(store, KEY, [{ place, start: 0, end }], ALL);
            const count = Math.round(at * events.length);
            const offset = events[count - 1]?.end ?? 0;
            const before: string[] = [];
            for (const event of events.slice(0, count)) {
              let text = "";
              const range = { logId, log: place.log, start: event.start, end: event.end - 1 };
              for await (const chunk of store.read(KEY, range))
                text += new TextDecoder().decode(chunk);
              before.push(text);
            }
            const service = { store, logger: silent, profileBudgets: profileBudgets() };
            const source = await openSnapshotAt(service, use, formatCursor({ ...place, offset }));
            const snapshot = JSON.parse(await textOf(source!)) as Followed;
            expect(known(snapshot)).toEqual(known(await meaningOf(before)));
          },
        ),
        { numRuns: CURSORS },
      );
    },
    TIMEOUT_MS,
  );
});

/** Without what no reducer of 1.0 knows, and without whose the reasoning is. */
function known(view: Followed): Followed {
  const text = JSON.stringify(plain(view), (key, value: unknown) =>
    key === "encryptedValueType" ? undefined : value,
  );
  return JSON.parse(text) as Followed;
}

async function textOf(source: ChunkSource): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next())
    text += decoder.decode(chunk, { stream: true });
  source.close();
  return text;
}
