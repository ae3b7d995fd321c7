import type { LogName, LogReader, SessionKey } from "../../ports/log-store.ts";
import { TRAILER_MARK } from "./trailer.ts";

/** Some bytes of a log up to `end`. */
interface MarkedLog {
  readonly logId: string;
  readonly log: LogName;
  readonly end: number;
}

const LF = 10;
const STEP_BYTES = 64 * 1024;

/** Where the last line begins that begins with the mark of a trailer; null if there is none. Reads backwards from `end`. */
export async function findLastMark(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  { logId, log, end }: MarkedLog,
): Promise<number | null> {
  for (let to = end; to > 0;) {
    const from = Math.max(0, to - STEP_BYTES);
    const bytes = new Uint8Array(to - from);
    let length = 0;
    for await (const chunk of store.read(key, { logId, log, start: from, end: to })) {
      bytes.set(chunk, length);
      length += chunk.length;
    }
    const at = lastMark(bytes.subarray(0, length), from === 0);
    if (at !== -1) return from + at;
    // the first byte again: a mark counts only after an LF
    to = from === 0 ? 0 : from + 1;
  }
  return null;
}

/** Where the last marked line begins, or -1. */
function lastMark(bytes: Uint8Array, isFromStart: boolean): number {
  for (let at = bytes.lastIndexOf(TRAILER_MARK); at > 0;) {
    if (bytes[at - 1] === LF) return at;
    at = bytes.lastIndexOf(TRAILER_MARK, at - 1);
  }
  return isFromStart && bytes[0] === TRAILER_MARK ? 0 : -1;
}
