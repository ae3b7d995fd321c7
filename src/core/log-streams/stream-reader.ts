import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import type { ByteRange } from "../model/byte-range.ts";

/** A log that streams are read from. */
export interface StreamedLog {
  readonly store: Pick<LogReader, "read">;
  readonly key: SessionKey;
  readonly logId: string;
}

/** A reader of one stream at a position in the session's raw log. */
export interface StreamReader {
  /** The position in the log; it is always at the end of a line. */
  readonly offset: number;
  /** As `StreamOffset.runFrom`. */
  readonly runFrom: number | null;
  /** Whether nothing can come any more. */
  readonly isClosed: boolean;
  /**
   * The next events that are stored before `end`, as ranges of the log: some MiB at most, but for an event that
   * is longer. The position is after them then. Throws what the store throws.
   */
  part(end: number): Promise<readonly ByteRange[]>;
}

/** After so many bytes a part ends with the event that it is in. */
export const PART_BYTES: number = 1024 * 1024;

const LF = 10;

/** A reader of all events of a session, from `offset`. */
export function createSessionReader(log: StreamedLog, offset: number): StreamReader {
  let at = offset;
  return {
    get offset() {
      return at;
    },
    runFrom: null,
    isClosed: false,
    async part(end) {
      const start = at;
      if (start >= end) return [];
      at = end - start <= PART_BYTES ? end : await lineEnd(log, start + PART_BYTES, end);
      return [{ start, end: at }];
    },
  };
}

/** Where the line ends that the byte before `from` is in. */
async function lineEnd(
  { store, key, logId }: StreamedLog,
  from: number,
  end: number,
): Promise<number> {
  let at = from - 1;
  for await (const chunk of store.read(key, { logId, start: at, end })) {
    const found = chunk.indexOf(LF);
    if (found !== -1) return at + found + 1;
    at += chunk.length;
  }
  return end;
}
