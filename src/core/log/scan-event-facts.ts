import type { LogName, LogReader, SessionKey } from "../../ports/log-store.ts";
import { FACT_KEYS, factsOf } from "../../ports/event-facts.ts";
import type { EventFacts } from "../../ports/runner-client.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import type { ByteRange } from "../model/byte-range.ts";

const LF = 10;

/** A part of a raw log. */
export interface RawRange extends ByteRange {
  readonly logId: string;
}

/**
 * The facts of each event in a range of a raw log, in bounded memory whatever the length of a line.
 * A line that is no JSON object has facts without a type.
 */
export async function* readFacts(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  range: RawRange,
): AsyncGenerator<EventFacts> {
  for await (const { isObject, scanner, bytes } of scanLines(store, key, range, FACT_KEYS)) {
    // facts of an invalid line are ignored
    const facts = factsOf(scanner, bytes);
    yield isObject ? facts : { ...facts, type: "", runId: null };
  }
}

/** The `code` of the last RUN_ERROR of a run in a range of a raw log; null if there is none. */
export async function errorCodeOf(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  range: RawRange & { readonly runId: string },
): Promise<string | null> {
  let code: string | null = null;
  for await (const { isObject, scanner } of scanLines(store, key, range, ERROR_KEYS))
    if (isObject && scanner.value("type") === "RUN_ERROR" && scanner.value("runId") === range.runId)
      code = scanner.value("code");
  return code;
}

const ERROR_KEYS = ["type", "runId", "code"];

interface ScannedLine {
  readonly isObject: boolean;
  /** What it found of the line, until the next one is taken. */
  readonly scanner: JsonObjectScanner;
  /** With its line end. */
  readonly bytes: number;
}

async function* scanLines(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  range: RawRange,
  keys: readonly string[],
): AsyncGenerator<ScannedLine> {
  const scanner = new JsonObjectScanner(keys);
  let bytes = 0;
  for await (const chunk of store.read(key, range))
    for (let from = 0; from < chunk.length;) {
      const lineEnd = chunk.indexOf(LF, from);
      const to = lineEnd === -1 ? chunk.length : lineEnd;
      scanner.push(chunk, from, to);
      bytes += to - from;
      if (lineEnd === -1) break;
      yield { isObject: scanner.end(), scanner, bytes: bytes + 1 };
      scanner.reset();
      bytes = 0;
      from = to + 1;
    }
}

/** Whether a line of a log, by default the raw one, begins at `offset`, which is not after its end. */
export async function isLineStart(
  store: Pick<LogReader, "read">,
  key: SessionKey,
  { logId, log = "raw", offset }: LinePlace,
): Promise<boolean> {
  if (offset === 0) return true;
  for await (const before of store.read(key, { logId, log, start: offset - 1, end: offset }))
    return before[0] === LF;
  return false;
}

/** Where a line may begin. */
interface LinePlace {
  readonly logId: string;
  readonly log?: LogName;
  readonly offset: number;
}
