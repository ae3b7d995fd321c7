import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { EditRecords, markOf, RECORD_BYTES, type ScanMark } from "../../src/ports/edits.ts";
import { lastMark, readRecords } from "./edit-marks.ts";
import { syncDirectory } from "./sync-directory.ts";

interface SuspectBytes {
  /** The file of the edits log. */
  readonly path: string;
  /** The device has the raw log up to here, whatever became of the machine. */
  readonly syncedEnd: number;
  /** Where the raw log ends. */
  readonly rawEnd: number;
}

const NOTHING: Omit<ScanMark, "isDone" | "isOwn"> = { offset: 0, skippedLines: 0, shownFrom: 0 };

/**
 * Notes in the edits log that the raw log may be damaged past `syncedEnd`: a block that never reached the
 * device reads as zeros, though a later one did. A look through the log that the machine's end has cut
 * short begins anew, since its edits may be damaged as well.
 */
export async function noteSuspectBytes({ path, syncedEnd, rawEnd }: SuspectBytes): Promise<void> {
  // a log without edits that is whole stays without
  if (rawEnd <= syncedEnd && !existsSync(path)) return;
  const file = await open(path, "a+", 0o640);
  try {
    const size = Math.floor((await file.stat()).size / RECORD_BYTES) * RECORD_BYTES;
    const done = await lastMark(file, size, ({ isDone }) => isDone);
    const next =
      done.end < size
        ? markOf(await readRecords(file, done.end, done.end + RECORD_BYTES), 0)
        : null;
    await file.truncate(next ? done.end + RECORD_BYTES : done.end);
    const { offset, skippedLines, shownFrom } = done.mark ?? NOTHING;
    const from = Math.max(offset, syncedEnd);
    if (!next && rawEnd > from) {
      const records = new EditRecords();
      const mark = { isDone: false, isOwn: true, offset: from, skippedLines, shownFrom };
      records.addMark(mark);
      await file.appendFile(records.take());
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(dirname(path));
}
