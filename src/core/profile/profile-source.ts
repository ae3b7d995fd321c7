/**
 * What a client of the AG-UI standard is sent (PROTOCOL 11, decision 008).
 *
 * In: the lines of one session's logs as a `LogFollower` reads them from a `ReplayStart`: the
 * compact log, then the raw log, then what is appended to it. Out: server-sent events in chunks of
 * at most 128 KiB, each event with the cursor of what was sent so far, in the dialect that the
 * client understands (`repair/dialect.ts`).
 *
 * A stream begins with the history (`createProfileSource`) or with one run that sends what the
 * history amounts to (`createSnapshotSource`). `readAmbientSnapshot` makes such a snapshot for
 * clients of the ambient dialect, who get the stored events after it.
 *
 * What holds, whatever is in the log:
 *
 * - Every run is sent from its RUN_STARTED to one terminal. Runs do not overlap, and no event
 *   stands between two of them: an event that comes between runs is held until the next one.
 * - What a run has opened is closed before its terminal. What is opened or closed twice is left
 *   out.
 * - An event that needs no change is sent with the bytes that are stored. A repaired one keeps the
 *   text of its numbers (`model/exact-json.ts`). One that cannot be valid where it stands is sent
 *   as RAW.
 * - An event over which something fails does not end the stream: it is sent as RAW and logged.
 * - An event that is too large for clients is not sent: a delta is cut into several, any other is
 *   named by a CUSTOM event.
 * - A snapshot of messages is sent for all messages of the session, since a client drops what a
 *   snapshot leaves out.
 * - Everything kept is bounded. Messages beyond `MESSAGE_CHARS`, or beyond what the process has for
 *   all streams, are released: the client still gets every event, but no snapshot. Held events are
 *   kept as places in the log and read again.
 * - What takes long is done in steps (`Rest`, `Steps`), in turns of the event loop.
 *
 * Files, in reading order:
 *
 * 1. this file: the streams; `profile-pass.ts`: one pass over the logs, and what it takes up
 * 2. `profile-reader.ts`: chunks to lines to frames; with `line-splitter.ts`, `delta-splitter.ts`
 *    for deltas that are too large for one event, and `frame-writer.ts`
 * 3. `profile-stream.ts`: which run is open, what is held (`held-events.ts`); `run-boundary.ts`: what
 *    begins and ends runs; `pass-through.ts`: what comes in between
 * 4. `run-events.ts`: the events of the open run, and the items that are open in it;
 *    `message-delivery.ts`: when a client is sent the messages that no event delivers
 * 5. `repair/`: one event as a client accepts it; begins with `parsed-event.ts` and
 *    `repair-event.ts`
 * 6. `client-view/`: what a client holds by now; begins with `message-list.ts`, `apply-event.ts`
 *    `pending-messages.ts` and `snapshot-pace.ts`
 * 7. `synthetic-events.ts`, `undelivered.ts`, `interrupts.ts`: what no log has, what could not be
 *    sent, what the session waits for
 * 8. `snapshot.ts`: messages, state and open items as one run
 * 9. `posted-input.ts` and `only-run.ts`: a client that posts a run and is sent that run alone
 */

import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { formatCursor } from "../model/cursor.ts";
import type { SessionUse } from "../session/session-registry.ts";
import { ParsedEvent } from "./repair/parsed-event.ts";
import { newRun } from "./synthetic-events.ts";
import type { RunIds } from "./repair/repair-run-started.ts";
import { sessionSnapshot } from "./snapshot.ts";
import { Pass, type ProfileSourceOptions, type RawPosition } from "./profile-pass.ts";

/** Most bytes of a chunk, for which a client has one write deadline. */
const CHUNK_BYTES = 128 * 1024;

/**
 * A session, or one run of it, for clients of the AG-UI standard: frames from `start` until nothing
 * more will come. Takes over `use` and releases it when closed.
 */
export function createProfileSource(use: SessionUse, options: ProfileSourceOptions): ChunkSource {
  return sourceOf(use, new Pass(use, options, false), options);
}

/**
 * As `createProfileSource`, for a client that has everything up to the frame with this id: what comes
 * before is read and not sent. Null, without having taken over `use`, if there is no such frame.
 */
export async function createResumedSource(
  use: SessionUse,
  options: ProfileSourceOptions,
  id: string,
): Promise<ChunkSource | null> {
  const pass = new Pass(use, options, false);
  try {
    if (await pass.skipTo(id, options.isOver)) return sourceOf(use, pass, options);
  } catch (error) {
    pass.close();
    throw error;
  }
  pass.close();
  return null;
}

function sourceOf(
  use: SessionUse,
  pass: Pass,
  { budgets, isOver }: Pick<ProfileSourceOptions, "budgets" | "isOver">,
): ChunkSource {
  const frames = pass.emitAll(isOver);
  /** The rest of frames that are more than one chunk. */
  let rest: Uint8Array<ArrayBuffer> | null = null;
  return {
    async next() {
      // a turn for others, even if the client takes everything at once
      if (rest) await budgets.turns.run(() => Promise.resolve());
      const bytes = rest ?? (await frames.next()).value ?? null;
      const isMore = bytes !== null && bytes.length > CHUNK_BYTES;
      rest = isMore ? bytes.subarray(CHUNK_BYTES) : null;
      return isMore ? bytes.subarray(0, CHUNK_BYTES) : bytes;
    },
    get atBoundary() {
      return rest === null;
    },
    close() {
      pass.close();
      void frames.return().catch(() => {
        // the read ends by the signal; its error has no receiver
      });
      use.release();
    },
  };
}

export interface SnapshotSource {
  readonly source: ChunkSource;
  /** Whether the source begins with a snapshot; if not, it is the whole history. */
  readonly isSnapshot: boolean;
}

/**
 * As `createProfileSource`, but reads the history first and sends a snapshot of it
 * (`sessionSnapshot`) if there can be one and, unless `isForced`, it takes fewer bytes than the
 * history. Once `signal` aborts nothing more is read, and the result is of no use.
 */
export async function createSnapshotSource(
  use: SessionUse,
  options: ProfileSourceOptions & { readonly isForced: boolean; readonly signal?: AbortSignal },
): Promise<SnapshotSource> {
  const pass = new Pass(use, options, true);
  const { signal } = options;
  const stop = (): void => pass.stop();
  signal?.addEventListener("abort", stop);
  try {
    const { profile, writer } = pass;
    const position = await pass.readHistory();
    const threadId = options.clientThreadId ?? use.session.key.session;
    const lines =
      position === null ? [] : await pass.attempt(() => snapshotRun(pass, threadId, options));
    const size = lines?.reduce((sum, { bytes }) => sum + bytes.length, 0) ?? Infinity;
    if (lines && (options.isForced || size < writer.written)) {
      writer.isMuted = false;
      writer.snapshot(lines, position && formatCursor(position));
      profile.snapshotSent();
      return { source: sourceOf(use, pass, options), isSnapshot: true };
    }
  } catch (error) {
    pass.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  pass.close();
  return { source: createProfileSource(use, options), isSnapshot: false };
}

/** The snapshot of the session as a run: the open run, or a synthetic one. */
async function snapshotRun(
  pass: Pass,
  threadId: string,
  { dialect, budgets }: ProfileSourceOptions,
): Promise<ParsedEvent[] | null> {
  const lines = await sessionSnapshot(pass, dialect, budgets.turns);
  if (!lines) return null;
  const { openRun } = pass.profile;
  const ids = openRun ?? newRun(threadId);
  const started = ParsedEvent.of({ type: "RUN_STARTED", ...ids });
  return openRun ? [started, ...lines] : [started, ...lines, finishedAs(pass, ids)];
}

/** The end of a run that repeats what the session waits for. */
function finishedAs({ profile }: Pass, ids: RunIds): ParsedEvent {
  const { runId, threadId } = ids;
  return profile.interrupts
    .finished()
    .with({ runId: JSON.stringify(runId), threadId: JSON.stringify(threadId) });
}

export interface AmbientSnapshot {
  /**
   * Frames of a snapshot of the session; the last has the cursor of the position that they stand
   * for.
   */
  readonly frames: Uint8Array<ArrayBuffer>;
  /** Where the raw log goes on. */
  readonly position: RawPosition;
}

/**
 * A snapshot of a session's messages and state in the ambient dialect: stored events follow from
 * `position` on. Null when there is no log, or when the snapshot cannot be made.
 */
export async function readAmbientSnapshot(
  use: SessionUse,
  options: Omit<ProfileSourceOptions, "dialect" | "isOver">,
): Promise<AmbientSnapshot | null> {
  const whole: ProfileSourceOptions = { ...options, dialect: "1.0", isOver: () => true };
  const pass = new Pass(use, whole, true, { isUnbounded: true });
  try {
    const position = await pass.readHistory();
    const { turns } = options.budgets;
    const lines = position && (await pass.attempt(() => sessionSnapshot(pass, "0.0", turns)));
    if (!lines) return null;
    const { interrupts, isFailed, openRun } = pass.profile;
    const isAsking = openRun === null && interrupts.isInterrupted;
    const ids = isAsking ? newRun(use.session.key.session) : isFailed ? null : openRun;
    const started = ids ? [ParsedEvent.of({ type: "RUN_STARTED", ...ids })] : [];
    if (ids && isAsking) lines.push(finishedAs(pass, ids));
    // what is posted with a run counts from its start on
    lines.push(...(await pass.frames.takeHeldInputs()));
    const { writer } = pass;
    writer.isMuted = false;
    // a client that received only a part of it comes back without a cursor, and gets all of it
    writer.snapshot([...started, ...lines], formatCursor(position));
    return { frames: writer.take() ?? new Uint8Array(), position };
  } finally {
    pass.close();
  }
}
