import type { LogReader, LogStat, SessionKey } from "../../ports/log-store.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { decodeCheckpoint } from "../model/checkpoint.ts";

/** What was found in a session's raw log. */
export interface LogFindings {
  readonly events: number;
  /** Where lines begin that are no JSON objects: the first few. */
  readonly badLines: readonly number[];
  /** Whether the last line has its end. */
  readonly isWhole: boolean;
  /** Whether the checkpoint's offset lies within the log. */
  readonly isCheckpointWithin: boolean;
}

const LF = 10;
const MAX_BAD_LINES = 10;

/** Reads a session's raw log whole. Memory does not depend on its length, nor on that of a line. */
export async function verifyLog(
  reader: Pick<LogReader, "read">,
  key: SessionKey,
  { logId, end, head }: LogStat,
  onBytes: (bytes: number) => void,
): Promise<LogFindings> {
  const scanner = new JsonObjectScanner([]);
  const badLines: number[] = [];
  let events = 0;
  let lineStart = 0;
  let at = 0;
  for await (const chunk of reader.read(key, { logId, end: end.raw })) {
    for (let from = 0; from < chunk.length;) {
      const lineEnd = chunk.indexOf(LF, from);
      scanner.push(chunk, from, lineEnd === -1 ? chunk.length : lineEnd);
      if (lineEnd === -1) break;
      if (!scanner.end() && badLines.length < MAX_BAD_LINES) badLines.push(lineStart);
      scanner.reset();
      events++;
      from = lineEnd + 1;
      lineStart = at + from;
    }
    at += chunk.length;
    onBytes(chunk.length);
  }
  const isCheckpointWithin = decodeCheckpoint(head).state.offset <= end.raw;
  return { events, badLines, isWhole: lineStart === at, isCheckpointWithin };
}
