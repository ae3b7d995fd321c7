import type { LogStat, LogStore } from "../../../ports/log-store.ts";
import { checksum, NO_BYTES } from "../../compaction/checksum.ts";
import type { CompactPosition } from "../../compaction/compact-log.ts";
import { findTrailerAfter } from "../../compaction/find-block.ts";
import { isImported } from "../../legacy/scan-marks.ts";
import type { Session } from "../../session/session.ts";
import type { Pass, ProfileBudgets } from "../profile-pass.ts";
import { createViewPass } from "../view-pass.ts";
import {
  bytesOf,
  chainOf,
  encodeIndex,
  type Keyframe,
  type KeyframeIndex,
} from "./keyframe-index.ts";
import { restoreView } from "./restore-view.ts";
import { recordOf, type SavedView } from "./saved-view.ts";

/** The keyframes of a session, and where the log ends that they are in. */
export interface WrittenKeyframes {
  readonly index: KeyframeIndex;
  readonly end: number;
}

export interface WriteKeyframesOptions {
  readonly store: LogStore;
  readonly budgets: ProfileBudgets;
  readonly stretchBytes: number;
  readonly session: Session;
  readonly stat: LogStat;
  readonly position: CompactPosition;
  readonly signal: AbortSignal;
}

/** A pass at the last keyframe, or at the log's start. */
interface OpenPass {
  readonly pass: Pass;
  /** What of it is saved; null for nothing. */
  readonly view: SavedView | null;
}

const MIB = 1024 * 1024;
/** How much of what is read to restore a keyframe may lie between it and the next. */
const RESTORED_SHARE = 4;
/** How many keyframes a long log has, about. */
const MOST_FRAMES = 512;
/** Bytes that are collected for one append. */
const APPEND_BYTES = 256 * 1024;

/** From where in the compact log the next keyframe may be. */
export function dueFrom(
  index: KeyframeIndex,
  { start, end }: CompactPosition,
  stretchBytes: number,
): number {
  const last = index.frames.at(-1);
  const restored = last ? bytesOf(chainOf(index, last)) : 0;
  const stretch = Math.max(stretchBytes, restored / RESTORED_SHARE, (end - start) / MOST_FRAMES);
  return Math.ceil((last?.at ?? start) + stretch);
}

/** Makes the keyframes that are due after those that were found. */
export async function writeKeyframes(
  options: WriteKeyframesOptions,
  found: WrittenKeyframes,
): Promise<WrittenKeyframes> {
  const { position, session, signal, store, stretchBytes } = options;
  let written = found;
  let opened = await openPass(options, found.index);
  if (!opened) {
    written = { ...found, index: { ...found.index, frames: [] } };
    opened = await openPass(options, written.index);
  }
  if (!opened) return found;
  const { pass } = opened;
  let { view } = opened;
  const { generation, logId, end } = position;
  const { key } = session;
  const stop = (): void => pass.stop();
  signal.addEventListener("abort", stop);
  try {
    let start = dueFrom(written.index, position, stretchBytes);
    while (start < end) {
      const block = await findTrailerAfter(store, key, { logId, start, end });
      if (!block) break;
      await pass.readUpTo({ log: "compact", logId, generation, offset: block.start });
      signal.throwIfAborted();
      // what the process has no room for is not what the log comes to
      if (pass.messages.isOutOfRoom) break;
      start = block.end;
      if (pass.profile.openRun) continue;
      ({ view, ...written } = await append(options, written, { pass, view }, block.end));
      start = dueFrom(written.index, position, stretchBytes);
    }
    return written;
  } finally {
    signal.removeEventListener("abort", stop);
    pass.close();
  }
}

/** A pass over the rest of the compact log; null where the last keyframe is damaged. */
async function openPass(
  { budgets, position, session, stat, store }: WriteKeyframesOptions,
  index: KeyframeIndex,
): Promise<OpenPass | null> {
  const { end, generation, logId, rawEnd } = position;
  const last = index.frames.at(-1);
  const from = last?.at ?? position.start;
  const start = {
    logId,
    compact: from < end ? { generation, start: from, end } : null,
    offset: rawEnd,
    full: null,
    isImported: isImported(stat),
  };
  const pass = createViewPass({ session, release() {} }, { store, start, budgets });
  if (!last) return { pass, view: null };
  const records = { key: session.key, logId, generation, chain: chainOf(index, last) };
  const view = await restoreView(store, pass, records, budgets.turns).catch((error: unknown) => {
    pass.close();
    throw error;
  });
  if (view) return { pass, view };
  pass.close();
  return null;
}

/** Appends the record of a view, and the index with it. */
async function append(
  { budgets, session: { key }, store }: WriteKeyframesOptions,
  { index, end: start }: WrittenKeyframes,
  { pass, view }: OpenPass,
  at: number,
): Promise<WrittenKeyframes & OpenPass> {
  const { frames, logId } = index;
  const last = frames.at(-1);
  const restored = last ? bytesOf(chainOf(index, last)) : 0;
  // messages that were released since are not read again
  const isSame = view?.isReleased === pass.messages.isOverflowed;
  const isWorth = view !== null && isSame && restored <= 2 * view.bytes + MIB;
  const base = last && isWorth ? frames.length - 1 : -1;
  let end = start;
  let sum = NO_BYTES;
  let lines: Uint8Array[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    end = await store.append(key, lines, { logId, log: "keyframes", expectedEnd: end });
    [lines, bytes] = [[], 0];
  };
  const record = recordOf(pass, base < 0 ? null : view, budgets.turns);
  let step = await record.next();
  for (; !step.done; step = await record.next()) {
    sum = checksum(sum, step.value);
    lines.push(step.value);
    bytes += step.value.length;
    if (bytes >= APPEND_BYTES) await flush();
  }
  const frame: Keyframe = { at, start, end: end + bytes, base, sum };
  const written = { ...index, frames: [...frames, frame] };
  lines.push(encodeIndex(written));
  await flush();
  return { index: written, end, pass, view: step.value };
}
