import { RunlogError } from "../../ports/errors.ts";
import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import { type Chunks, generatedSource } from "../../stream/sse/generated-source.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { isLineStart } from "../log/scan-event-facts.ts";
import { readBackward } from "./page-events.ts";
import type { KnownRuns } from "./run-index.ts";
import { encodeRun, type ScannedRun, startOfRun } from "./run-row.ts";

/** Most runs of a page that have ended. */
export const MAX_PAGE_RUNS = 10_000;

export interface RunsQuery {
  /** `next` of the page before, or null for the newest runs. */
  readonly cursor: string | null;
  /** Most runs that have ended, 1 to `MAX_PAGE_RUNS`. */
  readonly limit: number;
}

/** Where a page of ended runs begins: they are older than this. */
interface RunPlace {
  /** How many runs of the session have ended before it. */
  readonly number: number;
  /** Where in the runs log the line of the run lies that comes after them; null if it had none yet. */
  readonly offset: number | null;
}

type Store = Pick<LogReader, "read">;

const CURSOR = /^([a-z0-9]{16})-n(\d{1,15})(?:\.(\d{1,15}))?$/;
const LF = 10;
const COMMA = 0x2c;
/** Bytes of the runs log that are read at once; a line that is longer takes more. */
const STEP_BYTES = 256 * 1024;

const encoder = new TextEncoder();

/**
 * A page of runs as one JSON document, newest first: on the first page those that have not ended, then those that have, by
 * their ends. `current` are runs that wait or have not begun. Throws `invalid-input` for a text that is no cursor, and
 * `event-not-found` for one of another log.
 */
export async function openRunList(
  store: Store,
  key: SessionKey,
  known: KnownRuns | null,
  current: readonly ScannedRun[],
  { cursor, limit }: RunsQuery,
): Promise<ChunkSource> {
  const match = cursor === null ? null : CURSOR.exec(cursor);
  if (cursor !== null && !match) throw new RunlogError("invalid-input", "Invalid cursor");
  if (match && match[1] !== known?.logId) throw notFound();
  if (!known) {
    const rows = current.map((run) => encodeRun("", run)).join(",");
    const text = `{"runs":[${rows}],"next":null}`;
    return generatedSource(() => chunkOf(text));
  }
  const from = match
    ? await placeOf(store, key, known, {
        number: Number(match[2]),
        offset: match[3] === undefined ? null : Number(match[3]),
      })
    : { number: known.written + known.ended.length, offset: null };
  const unended = match ? [] : [...known.open, ...current].toReversed();
  return generatedSource((signal) => pageOf(store, key, { known, unended, from, limit }, signal));
}

interface RunPage {
  readonly known: KnownRuns;
  readonly unended: readonly ScannedRun[];
  readonly from: RunPlace;
  readonly limit: number;
}

async function* pageOf(
  store: Store,
  key: SessionKey,
  { known, unended, from, limit }: RunPage,
  signal: AbortSignal,
): Chunks {
  const { logId, start, end, written } = known;
  const inMemory = from.offset === null ? known.ended.slice(0, from.number - written) : [];
  const rows = [...unended, ...inMemory.toReversed().slice(0, limit)];
  yield encoder.encode(`{"runs":[${rows.map((run) => encodeRun(logId, run)).join(",")}`);
  let number = from.number - Math.min(inMemory.length, limit);
  let left = limit - (from.number - number);
  let to = from.offset ?? end;
  let isFirst = rows.length === 0;
  while (left > 0 && to > start) {
    const step = await readStep(store, key, { logId, start, to, signal }, left);
    // the comma before its first row
    yield isFirst ? step.bytes.subarray(1) : step.bytes;
    isFirst = false;
    left -= step.count;
    number -= step.count;
    to = step.from;
  }
  const isInLog = from.offset !== null || number <= written;
  const next = isInLog ? `${logId}-n${number}.${to}` : `${logId}-n${number}`;
  yield encoder.encode(`],"next":${number > 0 ? JSON.stringify(next) : null}}`);
}

interface Step {
  /** The runs of the lines as JSON, newest first, a comma before each. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly count: number;
  /** Where the earliest of these lines begins. */
  readonly from: number;
}

interface StepRange {
  readonly logId: string;
  readonly start: number;
  readonly to: number;
  readonly signal: AbortSignal;
}

/** The last lines of a range, at most `most`, as many as come with one read. */
async function readStep(
  store: Store,
  key: SessionKey,
  { logId, start, to, signal }: StepRange,
  most: number,
): Promise<Step> {
  for (let length = STEP_BYTES; ; length *= 2) {
    const from = Math.max(start, to - length);
    const bytes = new Uint8Array(to - from);
    let at = 0;
    for await (const chunk of store.read(key, {
      logId,
      log: "runs",
      start: from,
      end: to,
      signal,
    })) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    const step = newestFirst(bytes, from === start, most);
    if (step.count > 0) return { ...step, from: from + step.from };
    if (from === start) throw new RunlogError("store-failed", "A read came back short");
  }
}

function newestFirst(bytes: Uint8Array, isWhole: boolean, most: number): Step {
  const written = new Uint8Array(bytes.length);
  let length = 0;
  let count = 0;
  let to = bytes.length;
  while (to > 0 && count < most) {
    const before = to < 2 ? -1 : bytes.lastIndexOf(LF, to - 2);
    if (before === -1 && !isWhole) break;
    const line = bytes.subarray(before + 1, to - 1);
    written[length] = COMMA;
    const run = line.subarray(startOfRun(line));
    written.set(run, length + 1);
    length += run.length + 1;
    count++;
    to = before + 1;
  }
  return { bytes: written.subarray(0, length), count, from: to };
}

/** Where the runs are now that were before a place: what was in memory then may be written by now. */
async function placeOf(
  store: Store,
  key: SessionKey,
  { logId, start, end, written, ended }: KnownRuns,
  { number, offset }: RunPlace,
): Promise<RunPlace> {
  if (number > written + ended.length) throw notFound();
  if (offset !== null) {
    const isThere = offset >= start && offset <= end && number <= written;
    if (!isThere || !(await isLineStart(store, key, { logId, log: "runs", offset })))
      throw notFound();
    return { number, offset };
  }
  if (number >= written) return { number, offset: null };
  const part = { place: { log: "runs", logId } as const, start, end };
  const newer = { maxEvents: written - number, maxBytes: Number.MAX_SAFE_INTEGER };
  const { events } = await readBackward(store, key, [part], newer);
  return { number, offset: events[0]?.start ?? end };
}

async function* chunkOf(text: string): Chunks {
  yield encoder.encode(text);
}

function notFound(): RunlogError {
  return new RunlogError("event-not-found", "No such page: the cursor is of another log");
}
