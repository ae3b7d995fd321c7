import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import type { ReadableLog } from "../log/readable-log.ts";
import { RunBoundaryFinder } from "./run-boundary-finder.ts";
import type { CompactLog, CompactPosition } from "./compact-log.ts";
import { CompactWriter, ForeignBytesError, generationStart } from "./compact-writer.ts";
import { BlockCompactor } from "./block-compactor.ts";
import { eachChunk } from "./each-chunk.ts";
import { seenIdsAt } from "./seen-ids-at.ts";
import type { SeenIds } from "./seen-ids.ts";

export interface CompactOptions {
  readonly key: SessionKey;
  readonly store: Pick<LogStore, "append" | "read">;
  readonly log: CompactLog;
  /** The logs as they are; later events are left to the next compaction. */
  readonly readable: Pick<ReadableLog, "stat" | "from">;
  /**
   * Ends the work at the next chunk with the signal's reason; bytes that were appended stay and are
   * used again.
   */
  readonly signal: AbortSignal;
}

/**
 * Bytes of the raw log in which boundaries are searched for before the part between them is
 * compacted. That part is then read once more in one go, by then from the machine's cache.
 */
const AHEAD_BYTES = 4 * 1024 * 1024;

/**
 * Appends blocks to the compact log for the runs that have ended since the last one: a block ends
 * with the first run with which the compact log is not larger than its part of the raw log. Where
 * that is depends on the raw log alone, whenever this is called. Its memory does not depend on the
 * length of a run. Throws what the store throws; the next call goes on where it stopped.
 *
 * Runs that save no bytes are compacted again only when the raw log after the last block has
 * doubled, so that all attempts together take time in proportion to the log's length.
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

/** As `compactSession`, from `position` on; resolves with the position after the last block. */
export async function compactFrom(
  options: CompactOptions,
  position: CompactPosition,
): Promise<CompactPosition> {
  const { log, readable } = options;
  const { logId, end } = readable.stat;
  let from = position.rawEnd;
  let boundaries = await findRunBoundaries(options, from);
  if (boundaries.length === 0) return position;
  const endSum = await log.checksum(logId, position.end, end.compact, position.sum);
  const writer = new CompactWriter({ ...options, position, end: end.compact, endSum });
  const seen = await seenIdsAt(options, position);
  while (boundaries.length > 0) {
    await compactRuns(options, { writer, seen }, from, boundaries);
    from = boundaries.at(-1)!;
    boundaries = await findRunBoundaries(options, from);
  }
  await writer.finish();
  const { rawEnd } = writer.position;
  if (writer.isInBlock) log.unfinished = { logId, from: rawEnd, until: 2 * end.raw - rawEnd };
  // else the ids of the block that has not ended are among them
  if (!writer.isInBlock) log.seen = { position: writer.position, ids: seen };
  return writer.position;
}

/** Compacts the part of the raw log that begins at `from`, one of `boundaries` after the other. */
async function compactRuns(
  { key, store, readable, signal }: CompactOptions,
  { writer, seen }: { readonly writer: CompactWriter; readonly seen: SeenIds },
  from: number,
  boundaries: readonly number[],
): Promise<void> {
  const blockCompactor = new BlockCompactor((bytes) => writer.write(bytes), seen);
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

/**
 * The next boundaries after the block that begins at `from`, in order; none if its last run goes
 * on.
 */
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
