import { existsSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { markOf, RECORD_BYTES, type ScanMark } from "../../src/ports/edits.ts";

/** Records that are read at once. */
const STEP_RECORDS = 1_600;

/** A mark among the edits of a log, and where its record ends; null and 0 if there is none. */
interface FoundMark {
  readonly mark: ScanMark | null;
  readonly end: number;
}

/** The last mark among the first `size` bytes that `isWanted` accepts. */
export async function lastMark(
  file: FileHandle,
  size: number,
  isWanted: (mark: ScanMark) => boolean,
): Promise<FoundMark> {
  for (let to = size; to > 0;) {
    const from = Math.max(0, to - STEP_RECORDS * RECORD_BYTES);
    const records = await readRecords(file, from, to);
    for (let at = to - from - RECORD_BYTES; at >= 0; at -= RECORD_BYTES) {
      const mark = markOf(records, at);
      if (mark && isWanted(mark)) return { mark, end: from + at + RECORD_BYTES };
    }
    to = from;
  }
  return { mark: null, end: 0 };
}

/** The bytes of a file from `from` to `to`. */
export async function readRecords(file: FileHandle, from: number, to: number): Promise<Uint8Array> {
  const records = new Uint8Array(to - from);
  let length = 0;
  while (length < records.length) {
    const { bytesRead } = await file.read(records, length, records.length - length, from + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return records;
}

/**
 * Cuts the edits of a log back to their last mark; resolves with their length then. Every write of
 * edits ends with a mark: what comes after the last one is a part of a write that a kill has cut
 * short, on the border of two records perhaps.
 */
export async function cutUnmarkedEdits(path: string): Promise<number> {
  if (!existsSync(path)) return 0;
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    const { end } = await lastMark(file, size - (size % RECORD_BYTES), () => true);
    if (end < size) await file.truncate(end);
    return end;
  } finally {
    await file.close();
  }
}
