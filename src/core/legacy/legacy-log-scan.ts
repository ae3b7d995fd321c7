import { FACT_KEYS, factsOf } from "../../ports/event-facts.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import type { MemberPlace } from "../../stream/json/member-place.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { EMPTY_STATE, foldEvent, type SessionState } from "../model/session-state.ts";
import { OverlayRecords, type ScanMark } from "../../ports/edits.ts";
import { readLegacyTime } from "./legacy-time.ts";

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 0x20;
/** Lines with more carriage returns than that count as malformed. */
const MAX_RETURNS = 100;

/** What readers get in place of a range of the raw log: a text, then spaces. */
interface Edit extends ByteRange {
  readonly text: string;
}

/**
 * Scans the bytes of a log: ranges to be skipped or rewritten become edits, and the events amount
 * to the session's state. In a log of our own, which keeps every byte that a runner sent, lines are
 * skipped and nothing is rewritten. Pieces break anywhere; memory does not depend on the length of
 * a line.
 *
 * A line that is skipped becomes spaces at the end of the line before it: the LF of that line is
 * replaced, and the skipped line's own LF ends both. Lines before the first event become spaces in
 * front of it.
 */
export class LegacyLogScan {
  /** Edits that are to be stored. */
  readonly records: OverlayRecords = new OverlayRecords();
  readonly #scanner = new JsonObjectScanner([...FACT_KEYS, "timestamp"], "timestamp");
  /** Before this offset lines are read for the state alone: their edits are stored. */
  readonly #knownTo: number;
  readonly #isOwn: boolean;
  #state: SessionState;
  #skippedLines: number;
  #visibleFrom: number | null;
  #offset: number;
  #lineStart: number;
  #isBlank = true;
  /** Offsets of the line's carriage returns: spaces to JSON, but line ends to event streams. */
  #returns: number[] = [];
  #skipped: ByteRange | null = null;

  /**
   * Goes on after an earlier scan; the bytes that are pushed begin at the offset of `before`, which
   * is at the mark or before it.
   */
  constructor(mark: ScanMark, before: SessionState = EMPTY_STATE) {
    this.#knownTo = mark.offset;
    this.#isOwn = mark.isOwn;
    this.#skippedLines = mark.skippedLines;
    this.#visibleFrom = mark.isOwn && mark.visibleFrom < mark.offset ? mark.visibleFrom : null;
    this.#state = before;
    this.#offset = before.offset;
    this.#lineStart = before.offset;
  }

  /** The state after the events so far. */
  get state(): SessionState {
    return this.#state;
  }

  /** Takes the next bytes. */
  push(chunk: Uint8Array): void {
    const mayReturn = !this.#isOwn && chunk.includes(CR);
    for (let from = 0; from < chunk.length;) {
      const lineEnd = chunk.indexOf(LF, from);
      const to = lineEnd === -1 ? chunk.length : lineEnd;
      this.#scanner.push(chunk, from, to);
      if (this.#isBlank) this.#isBlank = isBlank(chunk, from, to);
      if (mayReturn) this.#noteReturns(chunk, from, to);
      this.#offset += to - from;
      if (lineEnd === -1) return;
      this.#offset++;
      this.#endLine();
      from = to + 1;
    }
  }

  /** Adds a mark after the edits so far; `isDone` for the one at the end of the log. */
  addMark(isDone: boolean): ScanMark {
    this.#storeSkipped();
    const mark = {
      isDone,
      isOwn: this.#isOwn,
      offset: this.#lineStart,
      skippedLines: this.#skippedLines,
      visibleFrom: this.#visibleFrom ?? this.#lineStart,
    };
    this.records.addMark(mark);
    return mark;
  }

  #endLine(): void {
    const line = { start: this.#lineStart, end: this.#offset };
    const isVisible = this.#scanner.end() && this.#returns.length <= MAX_RETURNS;
    const facts = factsOf(this.#scanner, line.end - line.start);
    this.#state = foldEvent(this.#state, isVisible ? facts : { ...facts, type: "", runId: null });
    if (line.start >= this.#knownTo) {
      if (isVisible) this.#show(line.start);
      else this.#skip(line);
    }
    if (isVisible) this.#visibleFrom ??= line.start;
    this.#lineStart = line.end;
    this.#isBlank = true;
    if (this.#returns.length > 0) this.#returns = [];
    this.#scanner.reset();
  }

  #show(lineStart: number): void {
    this.#storeSkipped();
    if (this.#isOwn) return;
    const place = this.#scanner.place();
    const time = place && timeEdit(lineStart, place, this.#scanner.value("timestamp"));
    if (this.#returns.length === 0) {
      if (time) this.#store(time);
      return;
    }
    const edits: Edit[] = this.#returns
      .filter((at) => !time || at < time.start || at >= time.end)
      .map((at) => ({ start: at, end: at + 1, text: "" }));
    if (time) edits.push(time);
    for (const edit of edits.sort((a, b) => a.start - b.start)) this.#store(edit);
  }

  #store({ start, end, text }: Edit): void {
    this.records.addEdit(start, end - start, text);
  }

  #skip({ start, end }: ByteRange): void {
    if (!this.#isBlank) this.#skippedLines++;
    const shift = this.#visibleFrom === null ? 0 : 1;
    this.#skipped = { start: this.#skipped?.start ?? start - shift, end: end - shift };
  }

  #storeSkipped(): void {
    if (this.#skipped) this.#store({ ...this.#skipped, text: "" });
    this.#skipped = null;
  }

  #noteReturns(chunk: Uint8Array, from: number, to: number): void {
    for (let at = chunk.indexOf(CR, from); at !== -1 && at < to; at = chunk.indexOf(CR, at + 1)) {
      if (this.#returns.length > MAX_RETURNS) return;
      this.#returns.push(this.#offset + at - from);
    }
  }
}

/**
 * A time as text becomes the number that it means; text that is no time is removed with its key.
 */
function timeEdit(lineStart: number, place: MemberPlace, text: string | null): Edit {
  const ms = text === null ? null : readLegacyTime(text);
  return ms === null
    ? { start: lineStart + place.cutStart, end: lineStart + place.cutEnd, text: "" }
    : { start: lineStart + place.start, end: lineStart + place.end, text: String(ms) };
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte !== SPACE && byte !== TAB && byte !== CR) return false;
  }
  return true;
}
