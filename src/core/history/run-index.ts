/**
 * The runs of a session: what they were, when, and what they took (PROTOCOL 20.2, decision 036).
 *
 * In: the raw log as its readers see it. Out: the log `runs`, a line for each run that has ended, in the order of their
 * ends, which is appended to and never rewritten; and in memory what comes after it.
 *
 * What holds:
 *
 * - A line depends on nothing but the raw log's bytes, and on when they arrived (`log/arrival-entries.ts`) where they do not say it
 *   themselves, so all of it can be made again. Another version of lines, or a log that
 *   has lost bytes and got another id, begins a new generation after what is there.
 * - Lines are written for a block at a time, which ends where no run is open: from there a scan can go on that knows nothing of
 *   what was before. A line says in front of the run which block it is of and how many of its lines are still to come, so
 *   that a write which was cut off is gone on with.
 * - Nothing is written while events are stored. Who has the session writes, after a run's end and when somebody asks; whoever else
 *   asks reads the rest of the raw log into memory.
 *
 * Files, in reading order: this file; `run-scan.ts`, bytes in, blocks of runs out; `run-row.ts`, a line of the log;
 * `run-list.ts`, a page of runs.
 */

import { hasCode } from "../../ports/errors.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { createKeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import { eachChunk } from "../compaction/each-chunk.ts";
import type { ArrivalLookup } from "../log/arrival-lookup.ts";
import type { ReadableLog } from "../log/readable-log.ts";
import { addUsage, type TokenUsage } from "../model/token-usage.ts";
import type { Session } from "../session/session.ts";
import { readBackward } from "./page-events.ts";
import { decodePrefix, encodeRow, MAX_PREFIX_BYTES, type ScannedRun } from "./run-row.ts";
import { type RunBlock, RunScan } from "./run-scan.ts";

/** The runs of a session up to the end of its log. */
export interface KnownRuns {
  readonly logId: string;
  /** The lines in the runs log: where the first begins, where the last ends, and how many there are. */
  readonly start: number;
  readonly end: number;
  readonly written: number;
  /** Runs that have ended after those, in the order of their ends. */
  readonly ended: readonly ScannedRun[];
  /** Runs that are open, in the order of their beginnings. */
  readonly open: readonly ScannedRun[];
  /** Tokens of all of them. */
  readonly usage: TokenUsage | null;
}

export interface RunIndexOptions {
  readonly store: LogStore;
  /** Whether what is only in the archive stays there: to write a log restores it. Default: nothing is archived. */
  readonly isEvicted?: (key: SessionKey) => Promise<boolean>;
}

/** The run indexes of a process's sessions. */
export interface RunIndexes {
  /**
   * Reads what has come to a session's raw log, and writes what has ended if this process has the session. Null if there is no
   * log. Throws what the store throws, and the signal's reason.
   */
  update(session: Session, signal: AbortSignal): Promise<KnownRuns | null>;
  /**
   * Tokens of the runs that have been written or read so far: the log is not read for it. Null if there is none. Throws what
   * the store throws.
   */
  usage(session: Session): Promise<TokenUsage | null>;
}

interface IndexState {
  /** When what is in the raw log arrived, as far as that is known now. */
  arrivals: ArrivalLookup;
  readonly logId: string;
  readonly start: number;
  end: number;
  written: number;
  /** Tokens of the written lines. */
  total: TokenUsage | null;
  /** How many runs of the first block are to be written, or null for all. */
  left: number | null;
  readonly scan: RunScan;
  /** Blocks that are not written, the first of which may be written in part. */
  blocks: RunBlock[];
}

/** Runs that are written at once. */
const ROWS_AT_ONCE = 1_000;
/** Bytes of a last line are looked for without a bound. */
const LAST = { maxEvents: 1, maxBytes: Number.MAX_SAFE_INTEGER } as const;

export function createRunIndexes({
  store,
  isEvicted = async () => false,
}: RunIndexOptions): RunIndexes {
  const states = new WeakMap<Session, IndexState>();
  const turns = createKeyedMutex();

  async function load(session: Session, { stat, from }: ReadableLog): Promise<IndexState> {
    const { logId, end } = stat;
    const arrivals = session.log.arrivalsIn(stat);
    const known = states.get(session);
    if (known?.logId === logId && known.end === end.runs && known.scan.offset <= end.raw)
      return Object.assign(known, { arrivals });
    const last = await lastPrefix(store, session.key, logId, end.runs);
    const isOurs = last?.logId === logId && last.to <= end.raw && last.start <= end.runs;
    const rest = isOurs
      ? last
      : { start: end.runs, number: -1, from: 0, to: 0, left: 0, total: null };
    const scanFrom = rest.left > 0 ? rest.from : rest.to;
    const state: IndexState = {
      arrivals,
      logId,
      start: rest.start,
      end: end.runs,
      written: rest.number + 1,
      total: rest.total,
      left: rest.left > 0 ? rest.left : null,
      scan: new RunScan(Math.max(from, scanFrom)),
      blocks: [],
    };
    states.set(session, state);
    return state;
  }

  /** Writes the blocks that have ended. */
  async function write({ key }: Session, state: IndexState): Promise<void> {
    while (state.blocks.length > 0) {
      const { logId, start } = state;
      const lines: Uint8Array[] = [];
      let { written, total } = state;
      let blocks = 0;
      for (const { from, to, runs } of state.blocks) {
        const left = runs.length - (blocks === 0 ? (state.left ?? runs.length) : runs.length);
        for (const [index, run] of runs.entries()) {
          if (index < left) continue;
          total = addUsage(total, run.usage);
          const prefix = { logId, start, number: written++, from, to, total };
          lines.push(encodeRow({ ...prefix, left: runs.length - 1 - index }, run));
        }
        blocks++;
        if (lines.length >= ROWS_AT_ONCE) break;
      }
      const at = { logId, log: "runs", expectedEnd: state.end } as const;
      state.end = await store.append(key, lines, at);
      Object.assign(state, { written, total, left: null });
      state.blocks.splice(0, blocks);
    }
  }

  async function update(session: Session, signal: AbortSignal): Promise<KnownRuns | null> {
    const { key } = session;
    const readable = await session.readable();
    if (!readable) return null;
    const state = await load(session, readable);
    const { scan } = state;
    const { stat } = readable;
    const canWrite = store.owns(key) && !(await isEvicted(key));
    const range = { key, store, stat, start: scan.offset, end: stat.end.raw, signal };
    if (range.start < range.end)
      await eachChunk(range, async (chunk) => {
        scan.push(chunk);
        for (const { runs, ...block } of scan.takeBlocks())
          state.blocks.push({ ...block, runs: await dated(runs, state.arrivals) });
        if (canWrite && state.blocks.length >= ROWS_AT_ONCE) await write(session, state);
        return true;
      });
    if (canWrite) await write(session, state);
    const runs = knownRuns(state);
    const { ended, open } = runs;
    const { arrivals } = state;
    return { ...runs, ended: await dated(ended, arrivals), open: await dated(open, arrivals) };
  }

  return {
    async usage(session) {
      const stat = await session.find();
      if (!stat) return null;
      const { logId, end } = stat;
      const known = states.get(session);
      if (known?.logId === logId && known.end === end.runs) return knownRuns(known).usage;
      const last = await lastPrefix(store, session.key, logId, end.runs);
      return last?.logId === logId ? last.total : null;
    },
    update: (session, signal) =>
      turns.run(JSON.stringify([session.key.project, session.key.session]), async () => {
        try {
          return await update(session, signal);
        } catch (error) {
          // what was read and not written is read again
          states.delete(session);
          if (!hasCode(error, "log-fenced", "log-not-owned")) throw error;
          return await update(session, signal);
        }
      }),
  };
}

/** The runs with the times at which their first and last events arrived, where those say none themselves. */
async function dated(
  runs: readonly ScannedRun[],
  arrivals: ArrivalLookup,
): Promise<readonly ScannedRun[]> {
  const all: ScannedRun[] = [];
  for (const run of runs) {
    const { start, end } = run;
    const startedAtMs = run.startedAtMs ?? (start === null ? null : await arrivals.at(start));
    const endedAtMs = run.endedAtMs ?? (end === null ? null : await arrivals.at(end - 1));
    all.push({ ...run, startedAtMs, endedAtMs });
  }
  return all;
}

function knownRuns({
  logId,
  start,
  end,
  written,
  total,
  left,
  scan,
  blocks,
}: IndexState): KnownRuns {
  const unwritten = blocks.flatMap(({ runs }) => runs);
  const [first] = blocks;
  // the first block may be written in part, also while it has not ended here
  const isKnown = left === null ? 0 : (first?.runs.length ?? 0) - left;
  const ended = [...unwritten.slice(Math.max(0, isKnown)), ...scan.ended];
  const { open } = scan;
  const usage = [...ended, ...open].reduce<TokenUsage | null>(
    (sum, run) => addUsage(sum, run.usage),
    total,
  );
  return { logId, start, end, written, ended, open, usage };
}

/** What the last line says before its run; null if there is no line, or none of this version. */
async function lastPrefix(
  store: LogStore,
  key: SessionKey,
  logId: string,
  end: number,
): Promise<ReturnType<typeof decodePrefix>> {
  const part = { place: { log: "runs", logId } as const, start: 0, end };
  const { events } = await readBackward(store, key, [part], LAST);
  const line = events[0];
  if (!line) return null;
  const to = Math.min(line.end, line.start + MAX_PREFIX_BYTES);
  let text = "";
  for await (const chunk of store.read(key, { logId, log: "runs", start: line.start, end: to }))
    text += String.fromCharCode(...chunk);
  return decodePrefix(text);
}
