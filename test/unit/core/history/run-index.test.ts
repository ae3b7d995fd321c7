import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { createRunIndexes, type KnownRuns } from "../../../../src/core/history/run-index.ts";
import { openRunList } from "../../../../src/core/history/run-list.ts";
import { RunScan } from "../../../../src/core/history/run-scan.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const encoder = new TextEncoder();
const NEVER = new AbortController().signal;

const runId = fc.constantFrom("a", "b", "c");
/** Lines of a log, of which some begin, end and overlap runs as no agent should. */
const line = fc.oneof(
  { weight: 3, arbitrary: runId.map((id) => ({ type: "RUN_STARTED", runId: id, threadId: "t" })) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom("RUN_FINISHED", "RUN_ERROR"),
      runId: fc.option(runId, { nil: undefined }),
      usage: fc.option(fc.record({ inputTokens: fc.nat(9) }), { nil: undefined }),
      message: fc.constant("RUN"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "RUN_STARTED" },
      { type: "TOOL_CALL_START", toolCallId: "t" },
      { type: "TOOL_CALL_CHUNK", toolCallId: "u" },
      { type: "CUSTOM", name: "usage", value: { outputTokens: 1 } },
      { odd: true },
    ),
  },
);
const log = fc.array(
  line.map((event) => `${JSON.stringify(event)}\n`),
  { maxLength: 40 },
);

describe("an index of runs", () => {
  it("is the same however the bytes come", () => {
    fc.assert(
      fc.property(log, fc.array(fc.integer({ min: 1, max: 40 })), (lines, cuts) => {
        const bytes = encoder.encode(lines.join(""));
        const whole = new RunScan(0);
        whole.push(bytes);
        const pieces = new RunScan(0);
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          pieces.push(bytes.slice(at, at + cut));
          at = Math.min(bytes.length, at + cut);
        }
        expect(pieces.takeBlocks()).toEqual(whole.takeBlocks());
        expect(pieces.ended).toEqual(whole.ended);
        expect(pieces.open).toEqual(whole.open);
      }),
    );
  });

  it("is the same whenever it is written, cut off or made anew, and in pages", async () => {
    await fc.assert(
      fc.asyncProperty(
        log,
        fc.array(fc.nat(40), { maxLength: 4 }),
        fc.integer({ min: 1, max: 9 }),
        async (lines, stops, limit) => {
          const stepwise = await storeOf([]);
          const places = [...stops.toSorted((a, b) => a - b), lines.length];
          let done = 0;
          let known: KnownRuns | null = null;
          for (const place of places) {
            await append(stepwise, lines.slice(done, place));
            done = Math.max(done, place);
            // a process of its own each time
            known = await indexOf(stepwise);
          }
          const once = await storeOf(lines);
          const all = await rows(once, await indexOf(once), limit);
          expect(await rows(stepwise, known, limit)).toEqual(all);
          // cut off after any line of it
          const text = await runsLog(once);
          const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
          for (const end of [0, ...ends]) {
            const torn = await storeOf(lines);
            await append(torn, [text.slice(0, end)], "runs");
            expect(await rows(torn, await indexOf(torn), limit)).toEqual(all);
            expect(await runsLog(torn)).toBe(text);
          }
          // what is there and is none is left where it is
          const foreign = await storeOf(lines);
          await append(foreign, ["what is this\n"], "runs");
          expect(await rows(foreign, await indexOf(foreign), limit)).toEqual(all);
          expect(await runsLog(foreign)).toMatch(/^what is this\n/);
        },
      ),
      { numRuns: 60 },
    );
  });
});

const LOG_ID = "0mx3bnnqtrimc2mq";

async function storeOf(lines: readonly string[]): Promise<LogStore> {
  const store = createMemoryLogStore();
  await store.create(KEY, { logId: LOG_ID });
  await append(store, lines);
  return store;
}

async function append(
  store: LogStore,
  lines: readonly string[],
  name: "raw" | "runs" = "raw",
): Promise<void> {
  const bytes = encoder.encode(lines.join(""));
  const end = (await store.stat(KEY))?.end[name] ?? 0;
  if (bytes.length > 0)
    await store.append(KEY, bytes, { logId: LOG_ID, log: name, expectedEnd: end });
}

function indexOf(store: LogStore): Promise<KnownRuns | null> {
  return sessionsOf(store).with(KEY, (session) =>
    createRunIndexes({ store }).update(session, NEVER),
  );
}

async function runsLog(store: LogStore): Promise<string> {
  let text = "";
  for await (const chunk of store.read(KEY, { logId: LOG_ID, log: "runs" }))
    text += new TextDecoder().decode(chunk);
  return text;
}

/** All rows, by pages. */
async function rows(store: LogStore, known: KnownRuns | null, limit: number): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let cursor: string | null = null; ;) {
    const source = await openRunList(store, KEY, known, [], { cursor, limit });
    let text = "";
    for (let chunk = await source.next(); chunk !== null; chunk = await source.next())
      text += new TextDecoder().decode(chunk);
    source.close();
    const page = JSON.parse(text) as { runs: unknown[]; next: string | null };
    found.push(...page.runs);
    if (page.next === null) return [...found, known?.usage];
    cursor = page.next;
  }
}
