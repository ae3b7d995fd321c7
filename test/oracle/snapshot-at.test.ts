import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import { createKeyframes } from "../../src/core/profile/keyframes/keyframes.ts";
import { type Harm, harmedKeyframes, withoutKeyframes } from "../support/harmed-keyframes.ts";
import { compactSession } from "../../src/core/compaction/compact-session.ts";
import { openSnapshotAt } from "../../src/core/profile/snapshot-at.ts";
import { formatCursor } from "../../src/core/model/cursor.ts";
import type { ChunkSource } from "../../src/stream/sse/paced-stream.ts";
import { readForward } from "../../src/core/history/page-events.ts";
import type { Followed } from "../support/agui-clients.ts";
import { profileBudgets } from "../support/told-log.ts";
import { sessionsOf, silent } from "../support/session-registry.ts";
import { agentLog } from "./agent-log.ts";
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

const part = fc.double({ min: 0, max: 1, noNaN: true });
/** What becomes of the log of keyframes between two compactions, and before it is read. */
const anyHarm: fc.Arbitrary<Harm> = fc.record({
  kind: fc.constantFrom("none", "none", "half-written", "damaged", "foreign", "missing"),
  place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
});

describe("a snapshot at a cursor (PROTOCOL 20.3)", () => {
  it(
    "is what the client's reducer makes of everything before it, in the raw and in the compact log, whatever keyframes there are",
    async () => {
      let restored = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.oneof(randomLog, crowdedLog, agentLog({ isValid: false })), {
            minLength: 1,
            maxLength: 4,
          }),
          fc.array(part, { minLength: 1, maxLength: 4 }),
          part,
          fc.boolean(),
          fc.record({
            stretchBytes: fc.nat({ max: 400 }),
            harms: fc.array(anyHarm, { maxLength: 5 }),
          }),
          async (logs, stops, at, isRaw, { stretchBytes, harms }) => {
            const lines = logs.flat();
            const kept = createMemoryLogStore();
            const { logId } = await kept.create(KEY);
            const { store, harm } = harmedKeyframes(kept);
            const places = [...stops.toSorted((a, b) => a - b), 1];
            let done = 0;
            for (const [index, stop] of places.entries()) {
              const to = Math.round(stop * lines.length);
              await append(store, logId, lines.slice(done, to));
              done = to;
              if (index < stops.length) await compact(store, stretchBytes);
              harm(harms[index] ?? { kind: "none", place: 0 });
            }
            const { session } = sessionsOf(store).use(KEY);
            const stat = (await store.stat(KEY))!;
            if (stat.end.keyframes > 0) restored++;
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
            const cursor = formatCursor({ ...place, offset });
            const text = await snapshotOf(store, cursor);
            expect(text).toBe(await snapshotOf(withoutKeyframes(store), cursor));
            const snapshot = JSON.parse(text) as Followed;
            // reducers are not asked about several logs in a row, whose runs have the same ids
            if (logs.length > 1) return;
            expect(known(snapshot)).toEqual(known(await meaningOf(before)));
          },
        ),
        { numRuns: CURSORS },
      );
      expect(restored).toBeGreaterThan(CURSORS / 10);
    },
    TIMEOUT_MS,
  );
});

async function snapshotOf(store: LogStore, cursor: string): Promise<string> {
  const service = { store, logger: silent, profileBudgets: profileBudgets() };
  const source = await openSnapshotAt(service, sessionsOf(store).use(KEY), cursor);
  return textOf(source!);
}

async function append(store: LogStore, logId: string, lines: readonly string[]): Promise<void> {
  const expectedEnd = (await store.stat(KEY))?.end.raw ?? 0;
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  if (bytes.length > 0) await store.append(KEY, bytes, { logId, expectedEnd });
}

/** Compacts the log, and makes its keyframes, as a process of its own. */
async function compact(store: LogStore, stretchBytes: number): Promise<void> {
  const { signal } = new AbortController();
  await sessionsOf(store).with(KEY, async (session) => {
    const readable = await session.readable();
    if (!readable || readable.stat.end.raw === 0) return;
    await compactSession({ key: KEY, store, log: session.compact, readable, signal });
    await createKeyframes({ store, budgets: profileBudgets(), stretchBytes }).update(
      session,
      signal,
    );
  });
}

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
