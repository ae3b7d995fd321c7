import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { isOfRuns, isTerminal, nextSpan, NO_RUN_OPEN, type RunSpan } from "../model/run-span.ts";

const LF = 10;
const LETTER_R = 0x52;
const LETTER_U = 0x55;
const LETTER_N = 0x4e;

/**
 * Finds where blocks may end: after a RUN_FINISHED or RUN_ERROR after which no run is open
 * (`RunSpan`). It depends on the log's content alone. Lines that are no valid object are ignored,
 * and so is a type that is written with escapes.
 */
export class RunBoundaryFinder {
  readonly #scanner = new JsonObjectScanner(["type", "runId", "run_id", "runnerRunId"]);
  #span: RunSpan = NO_RUN_OPEN;
  /** Whether the scanner has read the beginning of a line that goes on in the next chunk. */
  #isMidLine = false;

  /**
   * Takes the bytes of `chunk` up to a boundary or to the end. Returns the offset after the
   * boundary in `chunk`, or -1. After a boundary the finder must not be used again.
   */
  push(chunk: Uint8Array): number {
    let at = 0;
    if (this.#isMidLine) {
      at = chunk.indexOf(LF) + 1;
      this.#scanner.push(chunk, 0, at === 0 ? chunk.length : at - 1);
      if (at === 0) return -1;
      this.#isMidLine = false;
      if (this.#endsRun()) return at;
    }
    const wholeEnd = chunk.lastIndexOf(LF) + 1;
    for (;;) {
      const found = indexOfRun(chunk, at, wholeEnd);
      if (found === -1) break;
      const lineStart = chunk.lastIndexOf(LF, found) + 1;
      at = chunk.indexOf(LF, found) + 1;
      this.#scanner.push(chunk, lineStart, at - 1);
      if (this.#endsRun()) return at;
    }
    this.#isMidLine = wholeEnd < chunk.length;
    if (this.#isMidLine) this.#scanner.push(chunk, wholeEnd, chunk.length);
    return -1;
  }

  /** Whether the line that was scanned ends the open run. */
  #endsRun(): boolean {
    const isValid = this.#scanner.end();
    const event = {
      type: this.#scanner.value("type") ?? "",
      runId: this.#scanner.value("runId") ?? this.#scanner.value("run_id"),
      runnerRunId: this.#scanner.value("runnerRunId"),
    };
    this.#scanner.reset();
    if (!isValid || !isOfRuns(event)) return false;
    this.#span = nextSpan(this.#span, event).span;
    return isTerminal(event) && this.#span.openRun === null;
  }
}

/** Where the text `RUN` is between `from` and `to`, or -1. Its rarest letter is looked for first. */
export function indexOfRun(bytes: Uint8Array, from: number, to: number): number {
  for (let at = bytes.indexOf(LETTER_U, from); at !== -1 && at < to;) {
    if (bytes[at - 1] === LETTER_R && bytes[at + 1] === LETTER_N) return at;
    at = bytes.indexOf(LETTER_U, at + 1);
  }
  return -1;
}
