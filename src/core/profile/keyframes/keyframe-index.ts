import type { LogReader, SessionKey } from "../../../ports/log-store.ts";
import { checksum, NO_BYTES } from "../../compaction/checksum.ts";
import { findLastMark } from "../../compaction/last-mark.ts";
import type { ByteRange } from "../../model/byte-range.ts";

/** A keyframe: its record is a range of the log `keyframes`. */
export interface Keyframe extends ByteRange {
  /** Offset in the compact log, after the trailer of a block: what a client had there. */
  readonly at: number;
  /** Which keyframe of the index it is built on, by its number; -1 for none. */
  readonly base: number;
  /** The checksum of its record. */
  readonly sum: number;
}

/** The keyframes of one generation of a compact log, in order. */
export interface KeyframeIndex {
  readonly logId: string;
  readonly generation: number;
  /** Where in the compact log the generation begins. */
  readonly start: number;
  readonly frames: readonly Keyframe[];
}

type Store = Pick<LogReader, "read">;

/**
 * The version of records. Another one is needed whenever they change, and whenever the standard profile makes something
 * else of the same events: what is stored is what it made of them.
 */
const VERSION = 1;
const LF = 10;
/** Longest line that can be an index. */
const MAX_INDEX_BYTES = 16 * 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The line after a record: the mark, the version, the index as JSON, and the line's checksum. */
export function encodeIndex({ logId, generation, start, frames }: KeyframeIndex): Uint8Array {
  const rows = frames.map((frame) => [frame.at, frame.start, frame.end, frame.base, frame.sum]);
  const text = `#${JSON.stringify([VERSION, logId, generation, start, rows])} `;
  return encoder.encode(`${text}${checksum(NO_BYTES, encoder.encode(text))}\n`);
}

/**
 * The last index of a log `keyframes` that ends at `end`; null where there is none, or the last one is damaged or of
 * another version: then keyframes are made anew after it.
 */
export async function readIndex(
  store: Store,
  key: SessionKey,
  { logId, end }: { readonly logId: string; readonly end: number },
): Promise<KeyframeIndex | null> {
  const at = await findLastMark(store, key, { logId, log: "keyframes", end });
  if (at === null) return null;
  const to = Math.min(end, at + MAX_INDEX_BYTES);
  let text = "";
  for await (const chunk of store.read(key, { logId, log: "keyframes", start: at, end: to })) {
    const lf = chunk.indexOf(LF);
    text += decoder.decode(lf === -1 ? chunk : chunk.subarray(0, lf));
    if (lf !== -1) return decodeIndex(text);
  }
  return null;
}

function decodeIndex(line: string): KeyframeIndex | null {
  const space = line.lastIndexOf(" ") + 1;
  const text = line.slice(0, space);
  if (Number(line.slice(space)) !== checksum(NO_BYTES, encoder.encode(text))) return null;
  const json: unknown = JSON.parse(text.slice(1));
  const [version, logId, generation, start, rows] = Array.isArray(json) ? json : [];
  if (version !== VERSION) return null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its checksum is that of what this version wrote
  const frames = (rows as number[][]).map(([at = 0, from = 0, end = 0, base = -1, sum = 0]) => {
    return { at, start: from, end, base, sum };
  });
  return { logId: String(logId), generation: Number(generation), start: Number(start), frames };
}

/** The keyframes that make up one, from the one that is built on none. */
export function chainOf({ frames }: KeyframeIndex, frame: Keyframe): Keyframe[] {
  const chain = [frame];
  for (let base = frames[frame.base]; base; base = frames[base.base]) chain.push(base);
  return chain.toReversed();
}

/** What is read to restore a keyframe. */
export function bytesOf(chain: readonly Keyframe[]): number {
  return chain.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Whether they are keyframes of this compact log. */
export function isOf(
  index: KeyframeIndex,
  { generation, logId, start }: Omit<KeyframeIndex, "frames">,
): boolean {
  return index.logId === logId && index.generation === generation && index.start === start;
}
