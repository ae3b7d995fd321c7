import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import { readShown, type ShownLog } from "../legacy/read-shown.ts";
import { BorderFinder } from "./border-finder.ts";
import type { CompactLog, CompactPosition } from "./compact-log.ts";
import { CompactWriter, ForeignBytesError, generationStart } from "./compact-writer.ts";
import { Condenser } from "./condenser.ts";

export interface CondenseOptions {
  readonly key: SessionKey;
  readonly store: LogStore;
  readonly log: CompactLog;
  /** The logs as they are; what comes later is left to the next time. */
  readonly shown: Pick<ShownLog, "stat" | "from">;
  /** Ends the work at the next chunk with the signal's reason; nothing that was written is lost. */
  readonly signal: AbortSignal;
}

/** Work is done for so long, in ms, before everybody else gets a turn. */
const TURN_MS = 8;

/**
 * Appends a block to the compact log for each run that has ended since the last one. Streams: its
 * memory does not depend on the length of a run. Throws what the store throws; whoever calls it
 * again then goes on where it stopped.
 */
export async function condenseSession(options: CondenseOptions): Promise<void> {
  const { log, shown } = options;
  const { stat } = shown;
  const { logId, end } = stat;
  const position = (await log.find(stat)) ?? generationStart(logId, 0);
  try {
    await condenseFrom(options, position);
  } catch (error) {
    if (!(error instanceof ForeignBytesError)) throw error;
    // another version's, or damaged: what is there stays, and a new generation begins behind it
    await condenseFrom(options, generationStart(logId, end.compact));
  }
}

async function condenseFrom(options: CondenseOptions, position: CompactPosition): Promise<void> {
  const { log, shown } = options;
  const { stat } = shown;
  const { logId, end } = stat;
  let border = await findBorder(options, position.rawEnd);
  if (border === null) return;
  const endSum = await log.checksum(logId, position.end, end.compact, position.sum);
  const writer = new CompactWriter({ ...options, position, end: end.compact, endSum });
  while (border !== null) {
    await condenseBlock(options, writer, border);
    border = await findBorder(options, border);
  }
  await writer.flush({ all: true });
}

async function condenseBlock(
  options: CondenseOptions,
  writer: CompactWriter,
  border: number,
): Promise<void> {
  const condenser = new Condenser((bytes) => writer.write(bytes));
  const start = Math.max(writer.position.rawEnd, options.shown.from);
  await eachChunk(options, start, border, async (chunk) => {
    condenser.push(chunk);
    await writer.flush({ all: false });
    return true;
  });
  condenser.finish();
  writer.endBlock(border);
  await writer.flush({ all: false });
}

/** Where the block that begins at `from` ends, or null if it does not yet. */
async function findBorder(options: CondenseOptions, from: number): Promise<number | null> {
  const { log, shown } = options;
  const { stat } = shown;
  const { logId } = stat;
  const known = log.search;
  const search =
    known?.logId === logId && known.from === from
      ? known
      : { logId, from, offset: Math.max(from, shown.from), finder: new BorderFinder() };
  log.search = search;
  let border: number | null = null;
  await eachChunk(options, search.offset, stat.end.raw, async (chunk) => {
    const at = search.finder.push(chunk);
    if (at !== -1) border = search.offset + at;
    else search.offset += chunk.length;
    return border === null;
  });
  if (border !== null) log.search = null;
  return border;
}

/** Reads a range of the raw log until `take` has had enough, giving way to others. */
async function eachChunk(
  { key, shown, signal, store }: CondenseOptions,
  start: number,
  end: number,
  take: (chunk: Uint8Array<ArrayBuffer>) => Promise<boolean>,
): Promise<void> {
  if (start === end) return;
  const range = { logId: shown.stat.logId, start, end, signal };
  const reader = (await readShown(store, key, range)).getReader();
  let turnEndsAt = performance.now() + TURN_MS;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done || !(await take(value))) return;
      if (performance.now() < turnEndsAt) continue;
      await new Promise((resolve) => setTimeout(resolve, 0));
      turnEndsAt = performance.now() + TURN_MS;
    }
  } finally {
    await reader.cancel().catch(() => {
      // it ended by the signal or by an error that is on its way
    });
  }
}
