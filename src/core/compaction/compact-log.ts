/**
 * The compact log: the same history as the raw log in fewer bytes, for replays (decision 007).
 *
 * In: the raw log of one session as its readers see it, up to the last boundary
 * after which no run is open. Out: the compact log, which is appended to and never rewritten. It is
 * a row of blocks; a block stands for one run or several, and its last line is a trailer, which
 * begins with `#` as no event does and is not sent.
 *
 * In a block the deltas of one item with nothing but deltas of other items between them are one
 * delta, and state snapshots with the patches after them are one snapshot. A snapshot of messages that
 * says what an earlier one of its run and the events since have said is not there (decision 050). Every
 * other event is there with the bytes that it has in the raw log, in the order of the raw log. A client that is
 * sent the block ends with the same messages and the same state.
 *
 * What holds:
 *
 * - A block's bytes depend on nothing but the raw log's bytes up to its end: not on when compaction runs, how
 *   often it is interrupted, or in which process. Cursors point into them. So other bytes for the
 *   same input need another `GENERATION` (`trailer.ts`); a new generation begins after the old one.
 * - A block ends at the first boundary at which its generation of the compact log is not larger
 *   than the part of the raw log that it stands for.
 * - A trailer names the log, the generation, the range of the raw log and a checksum of everything
 *   in the generation before it. A block counts only if its trailer and the checksum are right, and
 *   if it ends with the line with which that range of the raw log ends. If not, the compact log
 *   counts as empty, and a new generation begins at its end.
 * - A viewer reads the compact log up to the last trailer, then the raw log from that trailer's
 *   `rawEnd` on (`replay/resume-point.ts`). Everything in the compact log can be made again.
 * - Memory does not depend on the length of a run or of a line.
 *
 * Files, in reading order:
 *
 * 1. this file: how far a session is compacted, found from its last trailer
 * 2. `trailer.ts` and `checksum.ts`: what ends a block
 * 3. `compact-session.ts`: one compaction; `run-boundary-finder.ts` finds where blocks may end
 * 4. `block-compactor.ts`: lines in, compacted lines out; `event-line.ts` tells lines apart,
 *    `open-items.ts` and `line-template.ts` merge deltas, `state-fold.ts` and `lost-numbers.ts`
 *    state; `repeated-snapshots.ts` leaves out what says nothing new, by `streamed-since.ts` and
 *    `seen-ids.ts`, which `seen-ids-at.ts` reads again from the compact log; `short-strings.ts` finds ids
 *    in lines that are not parsed
 * 5. `compact-writer.ts`: appends blocks, and goes on where an interrupted compaction stopped
 * 6. `event-spans.ts`: takes the trailers out again for readers
 * 7. `each-chunk.ts`: reads the raw log ahead, in turns of the event loop
 *
 * `lifecycle/compactor.ts` decides when a session is compacted.
 */

import type { LogReader, LogStat, SessionKey } from "../../ports/log-store.ts";
import { sameBytes } from "../../stream/bytes/string-cache.ts";
import type { RunBoundaryFinder } from "./run-boundary-finder.ts";
import { checksum, NO_BYTES } from "./checksum.ts";
import { findLastMark } from "./last-mark.ts";
import type { SeenIds } from "./seen-ids.ts";
import { decodeTrailer, GENERATION, isTrailerOf, type Trailer } from "./trailer.ts";

/** How far a session's raw log is compacted, by its last trailer, which was checked. */
export interface CompactPosition {
  readonly logId: string;
  readonly generation: number;
  /** Where in the compact log this generation begins. */
  readonly start: number;
  /** Where it ends: after its last trailer. */
  readonly end: number;
  /** Where in the raw log the part begins that is not compacted. */
  readonly rawEnd: number;
  /** Bytes of trailers from `start` to `end`. */
  readonly trailerBytes: number;
  /** The checksum of everything from `start` to `end`. */
  readonly sum: number;
}

/** How far the search for run boundaries is. */
export interface RunBoundarySearch {
  readonly logId: string;
  /** Where the block begins whose end is not found yet, and up to where it was searched for. */
  from: number;
  offset: number;
  finder: RunBoundaryFinder;
}

const LF = 10;
const STEP_BYTES = 64 * 1024;
/**
 * Bytes that are compared at the end of a block's last line: ids and times of its run are in them.
 */
const COMPARED_BYTES = 1024;

/**
 * What this process knows of a session's compact log. All of it can be read again from the store:
 * the last trailer is searched for from the end of the log, and trusted only if the checksum over
 * everything before it is right. A log that is damaged, of another version or of another `logId`
 * counts as none; a new generation then begins after it.
 */
export class CompactLog {
  readonly #key: SessionKey;
  readonly #store: Pick<LogReader, "read" | "stat">;
  #position: CompactPosition | null = null;
  #looking: { readonly logId: string; readonly found: Promise<CompactPosition | null> } | null =
    null;
  /** Kept here so that a long run is not searched again from its start. */
  search: RunBoundarySearch | null = null;
  /**
   * The beginning of a block that has not ended, and the length of the raw log from which it is
   * tried again.
   */
  unfinished: { readonly logId: string; readonly from: number; readonly until: number } | null =
    null;
  /** The ids that the log names up to a position; null if they have to be read again. */
  seen: { readonly position: CompactPosition; readonly ids: SeenIds } | null = null;

  constructor(key: SessionKey, store: Pick<LogReader, "read" | "stat">) {
    this.#key = key;
    this.#store = store;
  }

  /** How far the log in `stat` is compacted; null if not at all. Throws what the store throws. */
  async find(stat: LogStat): Promise<CompactPosition | null> {
    if (this.#position?.logId === stat.logId) return this.#position;
    if (stat.end.compact === 0) return null;
    if (this.#looking?.logId !== stat.logId)
      this.#looking = { logId: stat.logId, found: this.#look(stat) };
    const { found } = this.#looking;
    try {
      const position = await found;
      if (position && this.#position?.logId !== stat.logId) this.#position = position;
      return this.#position?.logId === stat.logId ? this.#position : position;
    } catch (error) {
      this.#looking = null;
      throw error;
    }
  }

  /** Records that one more block was appended. */
  advance(position: CompactPosition): void {
    this.#position = position;
  }

  /** Forgets the position, since another writer may have written. */
  forget(): void {
    this.#position = null;
    this.#looking = null;
    this.seen = null;
  }

  async #look(stat: LogStat): Promise<CompactPosition | null> {
    const { logId } = stat;
    const found = await this.#findTrailer(logId, stat.end.compact);
    if (!found) return null;
    const { trailer, line, at } = found;
    const { generation, start, rawEnd, trailerBytes } = trailer;
    const isOurs = trailer.logId === logId && generation === GENERATION;
    if (!isOurs || !(start >= 0 && start <= at) || rawEnd > stat.end.raw) return null;
    const sum = await this.checksum(logId, start, at, NO_BYTES);
    if (!isTrailerOf(line, trailer, sum) || !(await this.#isOfRaw(logId, trailer, at))) return null;
    return {
      logId,
      generation,
      start,
      end: at + line.length,
      rawEnd,
      trailerBytes: trailerBytes + line.length,
      sum: checksum(sum, line),
    };
  }

  /** The checksum `sum` continued over a range of the compact log. */
  async checksum(logId: string, start: number, end: number, sum: number): Promise<number> {
    const options = { logId, log: "compact", start, end } as const;
    let next = sum;
    for await (const chunk of this.#store.read(this.#key, options)) next = checksum(next, chunk);
    return next;
  }

  /**
   * Whether the block that ends at `at` ends with the same line as the raw log at `rawEnd`. It does
   * not where the raw log lost its end without the server's knowledge and has grown again since.
   */
  async #isOfRaw(logId: string, { start, rawEnd }: Trailer, at: number): Promise<boolean> {
    const block = await this.#bytes(logId, "compact", Math.max(start, at - COMPARED_BYTES), at);
    const line = block.subarray(block.lastIndexOf(LF, block.length - 2) + 1);
    if (line.length > rawEnd) return false;
    const raw = await this.#bytes(logId, "raw", rawEnd - line.length, rawEnd);
    return sameBytes(line, raw, 0, raw.length);
  }

  /** The last line before `end` that is marked as a trailer; null if it is none of this version. */
  async #findTrailer(
    logId: string,
    end: number,
  ): Promise<{ trailer: Trailer; line: Uint8Array; at: number } | null> {
    const at = await findLastMark(this.#store, this.#key, { logId, log: "compact", end });
    if (at === null) return null;
    const whole = await this.#bytes(logId, "compact", at, Math.min(end, at + STEP_BYTES));
    const line = whole.subarray(0, whole.indexOf(LF) + 1);
    const trailer = decodeTrailer(line);
    return trailer && { trailer, line, at };
  }

  async #bytes(
    logId: string,
    log: "raw" | "compact",
    start: number,
    end: number,
  ): Promise<Uint8Array> {
    const range = { logId, log, start, end };
    const bytes = new Uint8Array(end - start);
    let at = 0;
    for await (const chunk of this.#store.read(this.#key, range)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes.subarray(0, at);
  }
}
