import type { AgUiEvent } from "./api-types.ts";
import { type FollowOptions, replayReason } from "./follow-events.ts";
import type { OpenRun } from "./open-run.ts";
import { Patience } from "./patience.ts";
import { type Frame, readFrames } from "./read-frames.ts";

/** A stream of the standard profile (PROTOCOL 11), and how it is connected to. */
export interface FollowRunsOptions extends FollowOptions {
  /** Asks for the stream; with the id of the last frame that came, for what follows it. */
  readonly open: (lastId: string | null) => Promise<Response>;
  /** Whether it is the stream of one run, which ends with it, or of a session. */
  readonly isOneRun: boolean;
  /**
   * Whether nothing more comes after a session's stream that has ended between runs, or without having begun: a server
   * that stops ends streams as well.
   */
  readonly isOver: (hasBegun: boolean) => Promise<boolean>;
  /** What the client has open by now. */
  readonly openRun: OpenRun;
  /** Stops the reading; the iteration ends without an error. */
  readonly signal: AbortSignal;
}

/**
 * What follows is told from the start: what the stream has brought so far is to be dropped. In `value` are the
 * `messages` of the input of the run's RUN_STARTED, and whether nothing from before the stream is left (`isWhole`).
 */
export const RESTARTED = "runlog:restarted";

/**
 * The events of a stream as a client of the standard takes them that knows nothing of connections: each once and in
 * order, over connections that break and servers that start again. Where the server cannot go on after the last frame it
 * begins anew; then what is open is closed and a CUSTOM event `runlog:restarted` comes, in place of the RUN_STARTED of a run
 * that is open already. Throws SessionClientError where the server refuses, or has been away for too long.
 */
export async function* followRuns(
  options: FollowRunsOptions,
): AsyncGenerator<AgUiEvent, void, undefined> {
  const { open, isOneRun, isOver, openRun, signal } = options;
  const patience = new Patience(options, signal);
  const frames = new OnceEach();
  let hasBegun = false;
  while (!signal.aborted) {
    try {
      const response = await open(frames.lastId);
      let isAnew = frames.connected(replayReason(response) !== null);
      for await (const frame of readFrames(response, options)) {
        patience.worked();
        for (const event of frames.of(frame)) {
          const isStart = event.type === "RUN_STARTED";
          const shown =
            isStart && (isAnew || openRun.runId !== null)
              ? beginAnew(event, openRun, isOneRun)
              : [event];
          if (isStart) isAnew = false;
          for (const each of shown) {
            openRun.see(each);
            hasBegun = true;
            yield each;
          }
        }
      }
      if (openRun.runId === null && (isOneRun ? hasBegun : await isOver(hasBegun))) return;
      await patience.pause();
    } catch (error) {
      const hasEnded = frames.isOver || (isOneRun && hasBegun && openRun.runId === null);
      if (signal.aborted || hasEnded) return;
      await patience.pause(error);
    }
  }
}

/** What a client is told in place of a RUN_STARTED that comes again, or after what does not count any more. */
function beginAnew(started: AgUiEvent, openRun: OpenRun, isOneRun: boolean): readonly AgUiEvent[] {
  const { messages = [] }: { messages?: unknown } = Object(started["input"]);
  const restarted = { type: "CUSTOM", name: RESTARTED, value: { messages, isWhole: !isOneRun } };
  if (openRun.runId === started["runId"]) return [...openRun.closeItems(), restarted];
  // the run that was open has ended meanwhile
  return [...openRun.close({}), started, restarted];
}

/**
 * The events of frames, without those that came before. After a cut the server goes on behind the last frame that has an
 * id. Frames without one come besides the log: some again, and some, of a snapshot or of a run that the server adds,
 * make sense only together.
 */
class OnceEach {
  lastId: string | null = null;
  /** What the server adds when nothing more comes has come as well. */
  isOver = false;
  /** The frames without an id that came since the last one with an id. */
  #besides: string[] = [];
  /** Those of them that the connection may bring again. */
  #expected: string[] = [];
  #held: AgUiEvent[] | null = [];

  /** There is a new connection; `isFull`: the server could not go on. Returns whether it begins anew. */
  connected(isFull: boolean): boolean {
    const isAnew = isFull && this.lastId !== null;
    if (isAnew) this.#besides = [];
    this.#expected = [...this.#besides];
    this.#held = isAnew || this.lastId === null ? [] : null;
    return isAnew;
  }

  of({ data, id }: Frame): readonly AgUiEvent[] {
    const event: AgUiEvent = JSON.parse(data);
    if (id === null && this.#expected[0] === data) {
      this.#expected.shift();
      return [];
    }
    if (id === null && event.type === "RUN_STARTED") this.#held ??= [];
    if (this.#held) {
      this.#held.push(event);
      const isEnd = TERMINALS.has(event.type);
      if (id === null && !isEnd) return [];
      this.isOver = id === null && this.lastId !== null;
    } else if (id === null) this.#besides.push(data);
    if (id !== null) {
      this.lastId = id;
      this.isOver = false;
      this.#besides = [];
      this.#expected = [];
    }
    const events = this.#held ?? [event];
    this.#held = null;
    return events;
  }
}

const TERMINALS: ReadonlySet<string> = new Set(["RUN_FINISHED", "RUN_ERROR"]);
