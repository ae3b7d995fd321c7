import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { createRandom } from "../../scripts/bench/random.ts";
import { type AgentHabits, runLines } from "../../scripts/bench/run-lines.ts";
import { CompactLog } from "../../src/core/compaction/compact-log.ts";
import { SeenIds } from "../../src/core/compaction/seen-ids.ts";
import { EventSpans } from "../../src/core/compaction/event-spans.ts";
import { utf8 } from "../contract/bytes.ts";
import { compactLines } from "../oracle/compact.ts";
import { freshDir } from "../support/server-process.ts";

const KEY = { project: "p", session: "s" };
/** All of them with `npm run test:crash`. */
const KILLS = process.env["CRASH_CYCLES"] === undefined ? 15 : 50;
const RUNS = 36;
const PROCESS = fileURLToPath(new URL("../support/compact-process.ts", import.meta.url));

/** A block: where it ends in the raw log, and what it holds. */
interface Block {
  readonly rawEnd: number;
  readonly events: readonly string[];
}

it(`a compact log is right or absent after each of ${KILLS} kill -9 in the midst of condensing`, async () => {
  const seed = Math.trunc(Math.random() * 2 ** 32);
  console.info(`kill-compaction.test.ts: seed ${seed}`);
  const random = createRandom(seed);
  const dir = await freshDir();
  const { blocks, compactPath } = await layOut(dir, seed);
  // as long as the blocks themselves: trailers come on top
  const size = blocks.flatMap(({ events }) => events).join("\n").length;

  let kills = 0;
  // one that comes too early or too late shows nothing, and does not count
  while (kills < KILLS) {
    let begun = await sizeOf(compactPath);
    // much of what is left is after the last write
    if (begun >= size / 2) {
      await rm(compactPath);
      begun = 0;
    }
    await killAt(dir, compactPath, begun + random.integer(size - begun));
    const done = await expectRight(dir, blocks);
    if (done < blocks.length && (await sizeOf(compactPath)) > begun) kills++;
  }
  await killAt(dir, compactPath, Infinity);
  expect(await expectRight(dir, blocks)).toBe(blocks.length);
});

/**
 * A session with some megabytes of finished runs, and what compacting has to make of them. Each run says twice what
 * it has streamed; every second one has the ids of the one before, and so has to keep what it says.
 */
async function layOut(dir: string, seed: number) {
  const agent = {
    isPosted: true,
    thinks: true,
    snapshot: "run",
    isEachTurn: false,
    thread: [],
  } satisfies AgentHabits;
  const seen = new SeenIds();
  const store = createDiskLogStore({ dir });
  const { logId } = await store.create(KEY);
  const blocks: Block[] = [];
  let rawEnd = 0;
  for (let index = 0; index < RUNS; index++) {
    const pair = Math.floor(index / 2);
    const random = createRandom(seed + pair);
    const longResult = pair % 5 === 0 ? 900_000 : 0;
    const lines = [...runLines(random, { index, longResult, agent })];
    const bytes = utf8(lines.map((line) => `${line}\n`).join(""));
    rawEnd = await store.append(KEY, bytes, { logId, expectedEnd: rawEnd });
    const events = compactLines(lines, [1 << 16], seen);
    const snapshots = events.filter((line) => line.startsWith('{"type":"MESSAGES_SNAPSHOT"'));
    expect(snapshots).toHaveLength(index % 2 === 0 && longResult === 0 ? 1 : 2);
    blocks.push({ rawEnd, events });
  }
  await store.close();
  return { blocks, compactPath: join(dir, "projects", "p", "s", logId, "compact.jsonl") };
}

/** Compacts in a process of its own that is killed once the compact log has so many bytes. */
async function killAt(dir: string, compactPath: string, bytes: number): Promise<void> {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", PROCESS, dir, KEY.project, KEY.session],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const exited = once(child, "exit");
  while (child.exitCode === null && (await sizeOf(compactPath)) <= bytes) await Promise.resolve();
  child.kill("SIGKILL");
  await exited;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** Expects what a reader would be shown to be the first blocks, whole; resolves with their number. */
async function expectRight(dir: string, blocks: readonly Block[]): Promise<number> {
  const store = createDiskLogStore({ dir });
  try {
    const known = await store.stat(KEY);
    const position = known && (await new CompactLog(KEY, store).find(known));
    if (!known || !position) return 0;
    const { start, end, rawEnd } = position;
    const count = blocks.findIndex((block) => block.rawEnd === rawEnd) + 1;
    expect(count).toBeGreaterThan(0);
    const path = join(dir, "projects", "p", "s", known.logId, "compact.jsonl");
    const bytes = new Uint8Array(await readFile(path)).subarray(start, end);
    const spans = new EventSpans(start).push(bytes);
    const text = spans.map((span) => new TextDecoder().decode(span.bytes)).join("");
    const want = blocks.slice(0, count).flatMap(({ events }) => events);
    expect(text === want.map((line) => `${line}\n`).join("")).toBe(true);
    return count;
  } finally {
    await store.close();
  }
}
