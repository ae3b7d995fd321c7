import { RunlogError } from "../../ports/errors.ts";
import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { inTurns } from "../../stream/sync/steps.ts";
import { findBlockBefore, findTrailerAfter } from "../compaction/find-block.ts";
import { isImported } from "../legacy/scan-marks.ts";
import { isLineStart } from "../log/scan-event-facts.ts";
import { type Cursor, cursorOfFrame, formatCursor } from "../model/cursor.ts";
import { writeInSteps } from "../model/json-in-steps.ts";
import type { CompactRange, ReplayStart } from "../replay/resume-point.ts";
import type { Session } from "../session/session.ts";
import type { SessionUse } from "../session/session-registry.ts";
import { openAtKeyframe } from "./keyframes/open-at-keyframe.ts";
import type { Pass, ProfileSourceOptions } from "./profile-pass.ts";
import { closeRemoved } from "./snapshot.ts";
import type { ViewedService } from "./viewing.ts";
import { createViewDocument, isWholeView, type Pieces, writeView } from "./view-document.ts";

const encoder = new TextEncoder();

/**
 * What a client has that was delivered everything up to a cursor, as one JSON object (PROTOCOL 20.3): any cursor that the
 * log ever gave, also one of an earlier generation of the compact log. Throws `invalid-input` for a text that is none,
 * and `event-not-found` for one of another log, beyond the end, or not after an event; null if there is no log. The source
 * takes over `use`.
 */
export async function openSnapshotAt(
  service: Pick<ViewedService, "store" | "logger" | "profileBudgets">,
  use: SessionUse,
  cursor: string,
): Promise<ChunkSource | null> {
  const { store, logger, profileBudgets: budgets } = service;
  const position = cursorOfFrame(cursor);
  if (!position) throw new RunlogError("invalid-input", "Invalid cursor");
  const readable = await use.session.readable();
  if (!readable) return null;
  const start = await startBefore(store, use.session, readable.stat, position);
  const options = { store, start, budgets, logger, position };
  return createViewDocument(use, {
    ...options,
    open: (signal) => openAtKeyframe(use, options, signal),
    first: `{"cursor":${JSON.stringify(formatCursor(position))},`,
    pieces: (pass) => piecesOf(pass, options),
  });
}

/** Where reading begins: the compact log as far as it stands for nothing after the position, then the raw one. */
async function startBefore(
  store: LogStore,
  session: Session,
  stat: LogStat,
  at: Cursor,
): Promise<ReplayStart> {
  const { key } = session;
  const { log, logId, offset } = at;
  const isThere = logId === stat.logId && offset <= stat.end[log];
  if (!isThere || !(await isLineStart(store, key, at))) throw notFound();
  const begin = { logId, full: null, isImported: isImported(stat) };
  if (at.log === "compact") {
    const range = await generationBefore(store, key, stat, at);
    return { ...begin, compact: range.start < range.end ? range : null, offset: 0 };
  }
  const position = await session.compact.find(stat);
  if (!position) return { ...begin, compact: null, offset: 0 };
  const { generation, start } = position;
  if (offset >= position.rawEnd)
    return { ...begin, compact: { generation, start, end: position.end }, offset: position.rawEnd };
  const block = await findBlockBefore(store, key, position, offset);
  if (!block) return { ...begin, compact: null, offset: 0 };
  const { end, trailer } = block;
  return { ...begin, compact: { generation, start, end }, offset: trailer.rawEnd };
}

/** What comes before a cursor of the compact log in its generation, which the next trailer names. */
async function generationBefore(
  store: LogStore,
  key: SessionKey,
  stat: LogStat,
  { generation, offset, logId }: Cursor & { readonly log: "compact" },
): Promise<CompactRange> {
  const end = stat.end.compact;
  const next = await findTrailerAfter(store, key, { logId, start: offset, end });
  if (next?.trailer.generation === generation && next.trailer.start <= offset)
    return { generation, start: next.trailer.start, end: offset };
  // the place after the last trailer, which none follows
  throw notFound();
}

async function* piecesOf(
  pass: Pass,
  { budgets: { turns } }: Pick<ProfileSourceOptions, "budgets">,
): Pieces {
  const { frames, messages, profile } = pass;
  const { interrupts, isFailed, openRun } = profile;
  closeRemoved(profile, messages);
  yield encoder.encode(`"run":${JSON.stringify(isFailed ? null : openRun)},"open":[`);
  for (const [index, { bytes }] of profile.items.reopen().entries()) {
    if (index > 0) yield encoder.encode(",");
    yield bytes;
  }
  yield encoder.encode('],"interrupts":');
  yield* await inTurns(writeInSteps(interrupts.open), turns);
  yield encoder.encode(",");
  const isKnown = !interrupts.isOverflowed;
  // a stream that ended here would deliver now what waits for the next run
  for await (const _ of frames.finish());
  yield* writeView(pass, turns);
  yield encoder.encode(isKnown && isWholeView(pass) ? "}" : ',"incomplete":true}');
}

function notFound(): RunlogError {
  return new RunlogError(
    "event-not-found",
    "No such position: the cursor is of another log, beyond its end, or not after an event",
  );
}
