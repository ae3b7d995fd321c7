import { existsSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { OverlayRecords, markOf, RECORD_BYTES, type ScanMark } from "../../src/ports/edits.ts";
import { syncDirectory } from "./sync-directory.ts";

interface SuspectBytes {
  /** The file of the edits log. */
  readonly path: string;
  /** The device has the raw log up to here, whatever became of the machine. */
  readonly syncedEnd: number;
  /** Where the raw log ends. */
  readonly rawEnd: number;
}

/** Records that are read at once. */
const STEP_RECORDS = 1_600;
const NOTHING: Omit<ScanMark, "isDone" | "isOwn"> = { offset: 0, skippedLines: 0, visibleFrom: 0 };

/**
 * Notes in the edits log that the raw log may be damaged after `syncedEnd`: a block that never
 * reached the device reads as zeros, though a later one did. A scan that the machine's end has cut
 * short begins again, since its edits may be damaged as well.
 */
export async function noteSuspectBytes({ path, syncedEnd, rawEnd }: SuspectBytes): Promise<void> {
  // a log without edits that is whole stays without
  if (rawEnd <= syncedEnd && !existsSync(path)) return;
  const file = await open(path, "a+", 0o640);
  try {
    const size = Math.floor((await file.stat()).size / RECORD_BYTES) * RECORD_BYTES;
    const done = await lastDone(file, size);
    const next =
      done.end < size
        ? markOf(await readRecords(file, done.end, done.end + RECORD_BYTES), 0)
        : null;
    await file.truncate(next ? done.end + RECORD_BYTES : done.end);
    const { offset, skippedLines, visibleFrom } = done.mark ?? NOTHING;
    const from = Math.max(offset, syncedEnd);
    if (!next && rawEnd > from) {
      const records = new OverlayRecords();
      const mark = { isDone: false, isOwn: true, offset: from, skippedLines, visibleFrom };
      records.addMark(mark);
      await file.appendFile(records.take());
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(dirname(path));
}

/** The last mark of a complete scan, and where its record ends. */
async function lastDone(
  file: FileHandle,
  size: number,
): Promise<{ readonly mark: ScanMark | null; readonly end: number }> {
  for (let to = size; to > 0;) {
    const from = Math.max(0, to - STEP_RECORDS * RECORD_BYTES);
    const records = await readRecords(file, from, to);
    for (let at = to - from - RECORD_BYTES; at >= 0; at -= RECORD_BYTES) {
      const mark = markOf(records, at);
      if (mark?.isDone) return { mark, end: from + at + RECORD_BYTES };
    }
    to = from;
  }
  return { mark: null, end: 0 };
}

async function readRecords(file: FileHandle, from: number, to: number): Promise<Uint8Array> {
  const records = new Uint8Array(to - from);
  let length = 0;
  while (length < records.length) {
    const { bytesRead } = await file.read(records, length, records.length - length, from + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return records;
}
