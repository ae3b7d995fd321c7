import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { type ArrivalEntry, decodeArrival, encodeArrival, ENTRY_BYTES } from "./arrival-entries.ts";

/** A range of a raw log that another log begins with. */
export interface CopiedRange extends ByteRange {
  readonly from: SessionKey;
  readonly stat: LogStat;
  readonly to: SessionKey;
  /** The other log, which has no times yet. */
  readonly logId: string;
}

/** Entries of one append. */
const AT_ONCE = 4_096;

/** Takes over when the events of the range arrived. Throws what the store throws. */
export async function copyArrivals(
  store: Pick<LogStore, "read" | "append">,
  { from, stat, to, logId, start, end }: CopiedRange,
): Promise<void> {
  let expectedEnd = 0;
  let before: ArrivalEntry | null = null;
  let lines: Uint8Array[] = [];
  const append = async (): Promise<void> => {
    if (lines.length > 0)
      expectedEnd = await store.append(to, lines, { logId, log: "times", expectedEnd });
    lines = [];
  };
  const step = AT_ONCE * ENTRY_BYTES;
  for (let at = 0; at < stat.end.times; at += step) {
    const range = { start: at, end: Math.min(stat.end.times, at + step) };
    const bytes = new Uint8Array(range.end - range.start);
    let length = 0;
    for await (const chunk of store.read(from, { logId: stat.logId, log: "times", ...range })) {
      bytes.set(chunk, length);
      length += chunk.length;
    }
    for (let index = 0; index < length; index += ENTRY_BYTES) {
      const entry = decodeArrival(bytes, index);
      if (!entry || entry.offset >= end) continue;
      if (entry.offset < start) before = entry;
      else {
        // the one in whose time the range begins
        if (before && entry.offset > start) lines.push(encodeArrival({ ...before, offset: 0 }));
        before = null;
        lines.push(encodeArrival({ ...entry, offset: entry.offset - start }));
      }
    }
    await append();
  }
  if (before && start < end) {
    lines.push(encodeArrival({ ...before, offset: 0 }));
    await append();
  }
}
