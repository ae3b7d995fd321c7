/**
 * Keyframes: what a client had at places of the compact log, so that a snapshot anywhere is made by reading little
 * before it (PROTOCOL 20.3, decision 037).
 *
 * In: the compact log. Out: the log `keyframes`, which is appended to and never rewritten. It is a row of records, each followed
 * by a line that begins with `#` and lists all of them. A record has what the standard profile knows after a block between two runs
 * (`ProfileStream.saved`): the messages that are not in the record before, or all of them, the state, and the rest.
 *
 * What holds:
 *
 * - A pass that is restored goes on as the one did that was saved, to the last limit. So a snapshot is the same whether there are keyframes
 *   or not; they are only made where a pass is between two runs.
 * - From one keyframe to the next are at most `STRETCH_BYTES` of the compact log, or a quarter of what is read to restore the first,
 *   or a 512th of the log, whichever is most, and the rest of a block; more only where runs end with errors, which go on.
 * - What is read to restore one is at most twice what it holds, and a mebibyte: else all of it is written anew.
 * - A record counts if its checksum is right. One that is damaged, and those built on it, are passed over; an index that is damaged, or of another
 *   version or compact log, counts as none. What an interrupted writer left is followed by the next record.
 * - Nothing is written while events are stored, and nothing by who does not have the session. Memory is that of one snapshot.
 *
 * Files, in reading order: this file, which decides when; `write-keyframes.ts`; `open-at-keyframe.ts`, the start of a snapshot; `saved-view.ts`, the lines of a record; `restore-view.ts`, the way back;
 * `keyframe-index.ts`, the line after a record.
 */

import type { LogStat, LogStore } from "../../../ports/log-store.ts";
import type { CompactPosition } from "../../compaction/compact-log.ts";
import type { Session } from "../../session/session.ts";
import type { ProfileBudgets } from "../profile-pass.ts";
import { isOf, readIndex } from "./keyframe-index.ts";
import { dueFrom, writeKeyframes, type WrittenKeyframes } from "./write-keyframes.ts";

export interface KeyframesOptions {
  readonly store: LogStore;
  readonly budgets: ProfileBudgets;
  /** Bytes of the compact log from one keyframe to the next, at least. Default 1 MiB. */
  readonly stretchBytes?: number;
}

/** The keyframes of a process's sessions. */
export interface Keyframes {
  /**
   * Makes those that are due in a session's compact log, if this process has the session. One call at a time. Throws what
   * the store throws, and the signal's reason.
   */
  update(session: Session, signal: AbortSignal): Promise<void>;
}

const STRETCH_BYTES = 1024 * 1024;

export function createKeyframes({
  store,
  budgets,
  stretchBytes = STRETCH_BYTES,
}: KeyframesOptions): Keyframes {
  const known = new WeakMap<Session, WrittenKeyframes>();

  async function load(
    session: Session,
    stat: LogStat,
    of: CompactPosition,
  ): Promise<WrittenKeyframes> {
    const { logId, generation, start } = of;
    const end = stat.end.keyframes;
    const written = known.get(session);
    if (written?.end === end && isOf(written.index, of)) return written;
    const index = await readIndex(store, session.key, { logId, end });
    const isOurs =
      index !== null && isOf(index, of) && index.frames.every(({ at }) => at <= of.end);
    return { index: isOurs ? index : { logId, generation, start, frames: [] }, end };
  }

  return {
    async update(session, signal) {
      const stat = await session.find();
      const position = stat && store.owns(session.key) ? await session.compact.find(stat) : null;
      if (!stat || !position) return;
      const found = await load(session, stat, position);
      known.set(session, found);
      if (position.end <= dueFrom(found.index, position, stretchBytes)) return;
      const options = { store, budgets, stretchBytes, session, stat, position, signal };
      known.set(session, await writeKeyframes(options, found));
    },
  };
}
