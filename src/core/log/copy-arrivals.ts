import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { type ArrivalEntry, decodeArrival, encodeArrival, ENTRY_BYTES } from "./arrival-entries.ts";

/** A range of a raw log that another log begins with. */
export interface CopiedRange extends ByteRange {
  readonly from: SessionKey;
  readonly stat: LogStat;
  /** Entries that are about to be stored. */
  readonly waiting: readonly ArrivalEntry[];
  readonly to: SessionKey;
  /** The other log, which has no times yet. */
  readonly logId: string;
}

/** Entries of one append. */
const AT_ONCE = 4_096;

/** Takes over when the events of the range arrived. Throws what the store throws. */
export async function copyArrivals(
  store: Pick<LogStore, "read" | "append">,
  { from, stat, waiting, to, logId, start, end }: CopiedRange,
): Promise<void> {
  let expectedEnd = 0;
  /** The last entry before the range, in whose time it begins; null once that is said. */
  let beforeMs: number | null = null;
  let lines: Uint8Array[] = [];
  const append = async (): Promise<void> => {
    if (lines.length > 0)
      expectedEnd = await store.append(to, lines, { logId, log: "times", expectedEnd });
    lines = [];
  };
  let last = -1;
  const take = (entry: ArrivalEntry): void => {
    last = entry.offset;
    if (entry.offset >= end) return;
    if (entry.offset < start) {
      beforeMs = entry.ms;
      return;
    }
    if (beforeMs !== null && entry.offset > start)
      lines.push(encodeArrival({ ms: beforeMs, offset: 0 }));
    beforeMs = null;
    lines.push(encodeArrival({ ...entry, offset: entry.offset - start }));
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
      if (entry) take(entry);
    }
    await append();
  }
  // those that were stored meanwhile are there twice
  for (const entry of waiting) if (entry.offset >= last) take(entry);
  if (beforeMs !== null && start < end) lines.push(encodeArrival({ ms: beforeMs, offset: 0 }));
  await append();
}
