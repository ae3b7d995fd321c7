import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import type { ReadableLog } from "../legacy/readable-log.ts";
import { RunBoundaryFinder } from "./run-boundary-finder.ts";
import type { CompactLog, CompactPosition } from "./compact-log.ts";
import { CompactWriter, ForeignBytesError, generationStart } from "./compact-writer.ts";
import { BlockCompactor } from "./block-compactor.ts";
import { eachChunk } from "./each-chunk.ts";

export interface CompactOptions {
  readonly key: SessionKey;
  readonly store: LogStore;
  readonly log: CompactLog;
  /** The logs as they are; what comes later is left to the next time. */
  readonly readable: Pick<ReadableLog, "stat" | "from">;
  /** Ends the work at the next chunk with the signal's reason; nothing that was written is lost. */
  readonly signal: AbortSignal;
}

/**
 * Borders are looked for so far ahead. What is between them is then read once more in one go, by then
 * from the machine's cache.
 */
const AHEAD_BYTES = 4 * 1024 * 1024;

/**
 * Appends blocks to the compact log for the runs that have ended since the last one: a block ends with
 * the first run with which the compact log is no larger than what it was made of. Where that is, the raw
 * log alone decides, whenever this is called. Streams: its memory does not depend on the length of a run.
 * Throws what the store throws; whoever calls it again then goes on where it stopped.
 *
 * Runs that gain nothing are looked at again only when there is as much after the last block once more:
 * so all looks together take as long as the log is.
 */
export async function compactSession(options: CompactOptions): Promise<void> {
  const { log, readable } = options;
  const { stat } = readable;
  const { logId, end } = stat;
  const position = (await log.find(stat)) ?? generationStart(logId, 0);
  const { unfinished } = log;
  const isKnown = unfinished?.logId === logId && unfinished.from === position.rawEnd;
  if (isKnown && end.raw < unfinished.until) return;
  try {
    await compactFrom(options, position);
  } catch (error) {
    if (!(error instanceof ForeignBytesError)) throw error;
    // another version's, or damaged: what is there stays, and a new generation begins after it
    await compactFrom(options, generationStart(logId, end.compact));
  }
}

async function compactFrom(options: CompactOptions, position: CompactPosition): Promise<void> {
  const { log, readable } = options;
  const { logId, end } = readable.stat;
  let from = position.rawEnd;
  let boundaries = await findRunBoundaries(options, from);
  if (boundaries.length === 0) return;
  const endSum = await log.checksum(logId, position.end, end.compact, position.sum);
  const writer = new CompactWriter({ ...options, position, end: end.compact, endSum });
  while (boundaries.length > 0) {
    await compactRuns(options, writer, from, boundaries);
    from = boundaries.at(-1)!;
    boundaries = await findRunBoundaries(options, from);
  }
  await writer.finish();
  const { rawEnd } = writer.position;
  if (writer.isInBlock) log.unfinished = { logId, from: rawEnd, until: 2 * end.raw - rawEnd };
}

/** Compacts the part of the raw log that begins at `from`, one of `boundaries` after the other. */
async function compactRuns(
  { key, store, readable, signal }: CompactOptions,
  writer: CompactWriter,
  from: number,
  boundaries: readonly number[],
): Promise<void> {
  const blockCompactor = new BlockCompactor((bytes) => writer.write(bytes));
  const { stat } = readable;
  const start = Math.max(from, readable.from);
  let at = start;
  let ended = 0;
  await eachChunk({ key, store, stat, start, end: boundaries.at(-1)!, signal }, async (chunk) => {
    for (let index = 0; index < chunk.length;) {
      const boundary = boundaries[ended]!;
      const part = chunk.subarray(index, index + boundary - at);
      blockCompactor.push(part);
      index += part.length;
      at += part.length;
      if (at < boundary) continue;
      blockCompactor.finish();
      writer.endBlock(boundary);
      ended++;
    }
    await writer.flush();
    return true;
  });
}

/** The next boundaries after the block that begins at `from`, in order; none if it goes on. */
async function findRunBoundaries(
  { key, log, store, readable, signal }: CompactOptions,
  from: number,
): Promise<number[]> {
  const { stat } = readable;
  const { logId } = stat;
  const known = log.search;
  const search =
    known?.logId === logId && known.from === from
      ? known
      : { logId, from, offset: Math.max(from, readable.from), finder: new RunBoundaryFinder() };
  log.search = search;
  const start = search.offset;
  const boundaries: number[] = [];
  await eachChunk({ key, store, stat, start, end: stat.end.raw, signal }, async (chunk) => {
    for (let at = 0; ;) {
      const length = search.finder.push(chunk.subarray(at));
      if (length === -1) break;
      at += length;
      search.from = search.offset + at;
      search.finder = new RunBoundaryFinder();
      boundaries.push(search.from);
    }
    search.offset += chunk.length;
    return boundaries.length === 0 || search.offset - start < AHEAD_BYTES;
  });
  return boundaries;
}
