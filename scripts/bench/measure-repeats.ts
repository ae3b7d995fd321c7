import { BlockCompactor } from "../../src/core/compaction/block-compactor.ts";
import { SeenIds } from "../../src/core/compaction/seen-ids.ts";
import { createRandom } from "./random.ts";
import type { Row } from "./row.ts";
import { type AgentHabits, runLines } from "./run-lines.ts";

const RUNS = 1_000;
/** A thread's snapshots grow with the square of its runs. */
const THREAD_RUNS = 100;
const SEED = 20_261_123;
const MEGABYTE = 1_000_000;
const encoder = new TextEncoder();

const POSTED = { isPosted: true, thinks: true, snapshot: "run", isEachTurn: false } as const;

/** Agents by what their snapshots of messages say again. */
const AGENTS: readonly (readonly [string, Omit<AgentHabits, "thread">])[] = [
  ["texts alone, as in the other logs", { ...POSTED, isPosted: false, snapshot: "texts" }],
  ["the run, not posted to runlog", { ...POSTED, isPosted: false }],
  ["the run", POSTED],
  ["the run, after each turn", { ...POSTED, isEachTurn: true }],
  ["the thread", { ...POSTED, snapshot: "thread" }],
];

/** What a compact log says that it has said before, by the habits of the agent; in memory, without a server. */
export async function measureRepeats(): Promise<Row[]> {
  return AGENTS.flatMap(([name, habits]) => rowsOf(name, habits));
}

function rowsOf(name: string, habits: Omit<AgentHabits, "thread">): Row[] {
  const runs = habits.snapshot === "thread" ? THREAD_RUNS : RUNS;
  const size = `${runs.toLocaleString("en")} runs`;
  const random = createRandom(SEED);
  const agent = { ...habits, thread: [] };
  const seen = new SeenIds();
  // who has not seen which ids there are leaves nothing out
  const blind = new SeenIds();
  blind.blind();
  let whole = 0;
  let short = 0;
  let snapshots = 0;
  for (let index = 0; index < runs; index++) {
    const lines = [...runLines(random, { index, longResult: 0, agent })];
    const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(""));
    for (const line of lines)
      if (line.startsWith('{"type":"MESSAGES_SNAPSHOT"')) snapshots += line.length + 1;
    whole += compactedBytes(bytes, blind);
    short += compactedBytes(bytes, seen);
  }
  const measurement = `compact log of snapshots of ${name}`;
  const row = (what: string, bytes: number): Row => ({
    measurement: `${measurement}${what}`,
    size,
    value: bytes / MEGABYTE,
    unit: "MB",
  });
  return [row(", all left in", whole), row(", snapshots in it", snapshots), row("", short)];
}

function compactedBytes(bytes: Uint8Array<ArrayBuffer>, seen: SeenIds): number {
  let length = 0;
  const blockCompactor = new BlockCompactor((piece) => (length += piece.length), seen);
  blockCompactor.push(bytes);
  blockCompactor.finish();
  return length;
}
