import type { AgUiEvent } from "./api-types.ts";
import { SessionClientError } from "./client-error.ts";
import { Patience } from "./patience.ts";
import { readFrames } from "./read-frames.ts";
import { type ConnectionOptions, type Send, sessionPath } from "./requests.ts";

/** An event of a session, and where it stands. */
export interface SessionEvent {
  readonly event: AgUiEvent;
  /** The position after it, for `after`. Null within a snapshot, whose last event alone has one. */
  readonly cursor: string | null;
  /**
   * Why the log begins anew with this event (`another-log`, … PROTOCOL 3.4): what came before it is to be dropped. Null
   * for every other event.
   */
  readonly replay: string | null;
}

export interface EventsOptions {
  /** The cursor of the last event that is known already. Default: none, all events come. */
  readonly after?: string | null;
  /** `raw`: every event as it was stored. `snapshot`: first the messages and the state. Default: finished runs come compact. */
  readonly view?: "raw" | "snapshot";
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** Why an answer holds everything although less was asked for, or null (PROTOCOL 3.4). */
export function replayReason({ headers }: Response): string | null {
  return /reason=(.+)/.exec(headers.get("X-Runlog-Replay") ?? "")?.[1] ?? null;
}

/** What following needs to know of how its server is reached. */
export type FollowOptions = Pick<ConnectionOptions, "patienceMs" | "silenceMs">;

/**
 * The events of a session after a cursor, then those that come, each once and in order, over connections that break and
 * servers that start again. Ends when the signal aborts or the session has been deleted. Throws SessionClientError where the
 * server refuses, or has been away for too long.
 */
export async function* followEvents(
  send: Send,
  session: string,
  { after, view, signal: given, ...options }: EventsOptions & FollowOptions,
): AsyncGenerator<SessionEvent, void, undefined> {
  const leaving = new AbortController();
  const signal = given ? AbortSignal.any([given, leaving.signal]) : leaving.signal;
  const patience = new Patience(options, signal);
  const path = sessionPath(session);
  let cursor = after || null;
  let hasBegun = false;
  try {
    while (!signal.aborted) {
      const query = new URLSearchParams({
        ...(view && { view }),
        ...(cursor !== null && { after: cursor }),
      });
      try {
        const response = await send({
          path: `${path}/agui/events?${query}`,
          signal,
          isPrompt: true,
        });
        let replay = replayReason(response);
        // the log that the cursor is of may have gone with its session
        if (replay === LOG_IS_GONE) await send({ path, signal });
        hasBegun = true;
        let held: SessionEvent[] = [];
        for await (const { data, id } of readFrames(response, { ...options, signal })) {
          patience.worked();
          const event: AgUiEvent = JSON.parse(data);
          held.push({ event, cursor: id, replay });
          replay = null;
          // of a snapshot the last frame alone has an id: one that is cut comes again as a whole
          if (id === null) continue;
          const events = held;
          held = [];
          cursor = id;
          yield* events;
        }
        await patience.pause();
      } catch (error) {
        if (signal.aborted) return;
        if (hasBegun && isNotFound(error)) return;
        await patience.pause(error);
      }
    }
  } finally {
    leaving.abort();
  }
}

const LOG_IS_GONE = "another-log";

function isNotFound(error: unknown): boolean {
  return error instanceof SessionClientError && error.status === 404;
}
