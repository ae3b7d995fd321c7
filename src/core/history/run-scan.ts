import { FACT_KEYS, factsOf } from "../../ports/event-facts.ts";
import type { EventFacts } from "../../ports/runner-client.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { indexOfRun } from "../compaction/run-boundary-finder.ts";
import { isObject, type JsonObject } from "../model/json-fields.ts";
import {
  isOfRuns,
  isTerminal,
  nextSpan,
  NO_RUN_OPEN,
  resolveRun,
  type RunSpan,
} from "../model/run-span.ts";
import { addUsage, isUsageName, type TokenUsage, usageOf } from "../model/token-usage.ts";
import { type RunStatus, type ScannedRun, unbegunRun } from "./run-row.ts";

/** Runs that ended between two places of a log at which none was open, in the order of their ends. */
export interface RunBlock {
  /** Where in the raw log the block begins and ends. */
  readonly from: number;
  readonly to: number;
  readonly runs: readonly ScannedRun[];
}

/** A run that has begun. */
type OpenRun = { -readonly [Key in Exclude<keyof ScannedRun, "start">]: ScannedRun[Key] } & {
  /** Events and ended runs when it began. */
  readonly start: number;
  readonly eventsBefore: number;
  readonly endedBefore: number;
  /** What CUSTOM events have said, where the terminal says nothing. */
  customUsage: TokenUsage | null;
};

const LF = 10;
/** A longer line is not parsed: of a terminal only its type, its run and its outcome count then. */
const MAX_PARSED_BYTES = 256 * 1024;
/** A run that has no end after so many ends of others gets none. */
const MAX_OVERTAKEN = 64;
const MAX_TEXT_CHARS = 1_000;

const decoder = new TextDecoder();
const TYPE_FIRST = new TextEncoder().encode('{"type":"');

/**
 * Reads a raw log for its runs, from a place at which none is open. Its memory is bounded but for the blocks, which the
 * owner takes. Which run is open, and whose end a terminal is, goes by `RunSpan`. Bytes are pushed in chunks that break
 * anywhere.
 */
export class RunScan {
  readonly #scanner = new JsonObjectScanner(FACT_KEYS);
  #offset: number;
  #lineStart: number;
  /** The beginning of a line that goes on in the next chunk, or null where that is too long to be parsed. */
  #carried: Uint8Array<ArrayBuffer>[] | null = [];
  #carriedBytes = 0;
  #events = 0;
  #ended = 0;
  #span: RunSpan = NO_RUN_OPEN;
  readonly #open = new Map<string, OpenRun>();
  #chunkedCall: string | null = null;
  #from: number;
  #runs: ScannedRun[] = [];
  #blocks: RunBlock[] = [];

  /** `offset` is where the first byte that is pushed lies: the start of a line. */
  constructor(offset: number) {
    this.#offset = offset;
    this.#lineStart = offset;
    this.#from = offset;
  }

  /** The place after the last byte that was pushed. */
  get offset(): number {
    return this.#offset;
  }

  /** Where the block begins that has not ended. */
  get from(): number {
    return this.#from;
  }

  /** The runs of that block that have ended, in the order of their ends. */
  get ended(): readonly ScannedRun[] {
    return this.#runs;
  }

  /** The runs that are open, in the order of their beginnings. */
  get open(): ScannedRun[] {
    return [...this.#open.values()].map((run) => this.#rowOf(run, this.#lineStart));
  }

  /** Removes and returns the blocks that have ended. */
  takeBlocks(): RunBlock[] {
    const blocks = this.#blocks;
    this.#blocks = [];
    return blocks;
  }

  push(chunk: Uint8Array): void {
    const base = this.#offset;
    let nextRun = -2;
    for (let at = 0; at < chunk.length;) {
      const lf = chunk.indexOf(LF, at);
      const to = lf === -1 ? chunk.length : lf;
      const isBegun = base + at > this.#lineStart;
      if (lf === -1) {
        this.#carry(chunk.subarray(at));
        break;
      }
      if (!isBegun && nextRun < at && nextRun !== -1) nextRun = indexOfRun(chunk, at, chunk.length);
      const isNamed = nextRun !== -1 && nextRun < to;
      if (isBegun || isNamed || mayMatter(chunk, at, to)) {
        if (isBegun) this.#carry(chunk.subarray(at, to));
        else this.#scanner.push(chunk, at, to);
        const bytes = isBegun ? this.#takeCarried() : chunk.subarray(at, to);
        this.#endLine(bytes, base + lf + 1);
      }
      this.#events++;
      this.#lineStart = base + lf + 1;
      at = lf + 1;
    }
    this.#offset = base + chunk.length;
  }

  #carry(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#scanner.push(bytes, 0, bytes.length);
    this.#carriedBytes += bytes.length;
    if (this.#carriedBytes > MAX_PARSED_BYTES) this.#carried = null;
    else this.#carried?.push(bytes.slice());
  }

  #takeCarried(): Uint8Array | null {
    const bytes = this.#carried && concatBytes(this.#carried);
    this.#carried = [];
    this.#carriedBytes = 0;
    return bytes;
  }

  #endLine(bytes: Uint8Array | null, end: number): void {
    const isObjectLine = this.#scanner.end();
    const event = isObjectLine ? factsOf(this.#scanner, 0) : null;
    this.#scanner.reset();
    if (event) this.#take(event, bytes, end);
  }

  #take(event: EventFacts, bytes: Uint8Array | null, end: number): void {
    if (isOfRuns(event)) return this.#takeOfRuns(event, bytes, end);
    const run = this.#runOf(event);
    if (!run) return;
    if (event.type === "TOOL_CALL_START") run.toolCalls++;
    if (event.type === "TOOL_CALL_CHUNK" && event.toolCallId !== null) {
      if (event.toolCallId !== this.#chunkedCall) run.toolCalls++;
      this.#chunkedCall = event.toolCallId;
    }
    if (event.type === "CUSTOM" && event.name !== null && isUsageName(event.name))
      run.customUsage = addUsage(run.customUsage, usageOf(parse(bytes)));
  }

  #runOf({ runId }: EventFacts): OpenRun | null {
    const named = resolveRun(this.#span, runId);
    return this.#open.get(named) ?? this.#open.get(this.#span.openRun ?? "") ?? null;
  }

  #takeOfRuns(event: EventFacts, bytes: Uint8Array | null, end: number): void {
    const { runId, span, endsAll } = nextSpan(this.#span, event);
    this.#span = span;
    const said = parse(bytes);
    this.#chunkedCall = null;
    if (!isTerminal(event)) {
      if (!this.#open.has(runId)) this.#open.set(runId, this.#begin(runId, said));
      return;
    }
    const ending = endsAll ? [...this.#open.values()] : [this.#open.get(runId)];
    for (const run of ending) if (run) this.#end(run, statusOf(event), said, end);
    for (const run of this.#open.values())
      if (this.#ended - run.endedBefore >= MAX_OVERTAKEN) this.#end(run, "unended", {}, end);
    if (this.#open.size > 0) return;
    if (this.#runs.length > 0) {
      this.#blocks.push({ from: this.#from, to: end, runs: this.#runs });
      this.#from = end;
    }
    this.#runs = [];
    this.#span = NO_RUN_OPEN;
  }

  #begin(runId: string, said: JsonObject): OpenRun {
    const threadId = textOf(said["threadId"] ?? said["thread_id"]);
    return {
      ...unbegunRun({ runId, threadId }, "running"),
      startedAtMs: timeOf(said["timestamp"]),
      start: this.#lineStart,
      eventsBefore: this.#events,
      endedBefore: this.#ended,
      customUsage: null,
    };
  }

  #end(run: OpenRun, status: RunStatus, said: JsonObject, end: number): void {
    this.#open.delete(run.runId);
    this.#ended++;
    run.status = status;
    run.endedAtMs = timeOf(said["timestamp"]);
    run.end = end;
    run.usage = usageOf(said);
    if (status === "error") {
      const code = textOf(said["code"]);
      run.error = { message: textOf(said["message"]) ?? "", ...(code !== null && { code }) };
    }
    // the line that ends it is counted after this
    this.#events++;
    this.#runs.push(this.#rowOf(run, end));
    this.#events--;
  }

  #rowOf(run: OpenRun, reached: number): ScannedRun {
    const { runId, threadId, status, startedAtMs, endedAtMs, start, end, toolCalls, error } = run;
    return {
      runId,
      threadId,
      status,
      startedAtMs,
      endedAtMs,
      start,
      end,
      events: this.#events - run.eventsBefore,
      bytes: reached - start,
      toolCalls,
      usage: run.usage ?? run.customUsage,
      error,
    };
  }
}

/** Whether a line that does not name a run may be of a type that counts: what begins in another way may be anything. */
function mayMatter(chunk: Uint8Array, at: number, to: number): boolean {
  for (let index = 0; index < TYPE_FIRST.length; index++)
    if (at + index >= to || chunk[at + index] !== TYPE_FIRST[index]) return true;
  const first = chunk[at + TYPE_FIRST.length];
  const second = chunk[at + TYPE_FIRST.length + 1];
  // CUSTOM, TOOL_CALL_…, and names that are written with escapes
  return first === 0x43 || (first === 0x54 && second === 0x4f) || first === 0x5c || second === 0x5c;
}

function statusOf({ outcome, type }: EventFacts): RunStatus {
  if (type === "RUN_ERROR") return "error";
  if (outcome === "interrupt") return "interrupted";
  return outcome === "cancelled" ? "cancelled" : "finished";
}

function parse(bytes: Uint8Array | null): JsonObject {
  if (bytes === null || bytes.length > MAX_PARSED_BYTES) return {};
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return isObject(value) ? value : {};
  } catch {
    // the scanner has found an object: this is one that is nested deeper than the parser goes
    return {};
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value.slice(0, MAX_TEXT_CHARS) : null;
}

function timeOf(value: unknown): number | null {
  const isTime = typeof value === "number" && Math.abs(value) <= 8.64e15;
  return isTime ? Math.trunc(value) : null;
}
