import type { RelaySpool } from "../ports/relay-spool.ts";
import { BackOff } from "../stream/sync/back-off.ts";
import { type Agent, isEventStream } from "./agent.ts";
import { Recording, type RecordingContext } from "./recording.ts";

export interface ThreadsOptions {
  readonly agent: Agent;
  readonly spool: RelaySpool;
  readonly context: RecordingContext;
  readonly newTag: () => string;
}

/** Background events of a thread as a client gets them: recorded, or the agent's refusal. */
export type OpenedThread = { readonly recording: Recording } | { readonly answer: Response };

interface Thread {
  readonly recording: Recording;
  /** The headers that the last client sent, its token among them. */
  headers: Headers;
  /** Ends the subscription; null while there is none. */
  subscription: AbortController | null;
  /** When somebody was last seen to read, in epoch ms. */
  readAtMs: number;
}

const BACK_OFF = { firstMs: 1_000, maxMs: 30_000, factor: 1.5 } as const;
/** Answers of an agent that has no background events, for now at least. */
const NOT_OFFERED: ReadonlySet<number> = new Set([404, 405, 501, 503]);

/**
 * The background events that agents send between runs. A thread is subscribed to once, by the first
 * client that asks for it, and on after that client has gone, so that nothing is lost meanwhile.
 */
export class Threads {
  readonly #options: ThreadsOptions;
  readonly #threads = new Map<string, Thread>();
  /** Clients that ask for the same thread at once wait for each other. */
  readonly #opening = new Map<string, Promise<unknown>>();

  constructor(options: ThreadsOptions) {
    this.#options = options;
  }

  /** Takes over what an earlier process has recorded. It is subscribed to when somebody asks. */
  recover(recording: Recording): void {
    recording.pauseReaders();
    const readAtMs = this.#options.context.clock.now();
    const rest = { headers: new Headers(), subscription: null, readAtMs };
    this.#threads.set(recording.info.id, { recording, ...rest });
  }

  /**
   * Subscribes to a thread, unless it is subscribed to. Where the agent does not offer that, what was
   * recorded before is offered all the same. Throws what `fetch` throws.
   */
  async open(threadId: string, headers: Headers): Promise<OpenedThread> {
    const before = this.#opening.get(threadId) ?? Promise.resolve();
    const opened = before.catch(() => {}).then(() => this.#open(threadId, headers));
    this.#opening.set(threadId, opened);
    try {
      return await opened;
    } finally {
      if (this.#opening.get(threadId) === opened) this.#opening.delete(threadId);
    }
  }

  /** Forgets threads that nobody has read since `readBeforeMs`. */
  async expire(readBeforeMs: number): Promise<void> {
    for (const [threadId, thread] of this.#threads) {
      if (thread.recording.readers > 0) thread.readAtMs = this.#options.context.clock.now();
      if (thread.readAtMs >= readBeforeMs) continue;
      this.#threads.delete(threadId);
      thread.subscription?.abort();
      await thread.recording.remove();
    }
  }

  /** Ends all subscriptions; readers get the end of what there is. */
  stop(): void {
    for (const { subscription } of this.#threads.values()) subscription?.abort();
  }

  async #open(threadId: string, headers: Headers): Promise<OpenedThread> {
    const { context } = this.#options;
    const known = this.#threads.get(threadId);
    if (known) {
      known.headers = headers;
      known.readAtMs = context.clock.now();
      if (known.subscription) return { recording: known.recording };
    }
    const subscription = new AbortController();
    const answer = await this.#ask(threadId, headers, subscription.signal);
    if (!isEventStream(answer)) {
      if (!known || known.recording.end === 0) return { answer };
      discard(answer);
      return { recording: known.recording };
    }
    const { spool, newTag } = this.#options;
    const recording =
      known?.recording ??
      new Recording(
        await spool.create({ kind: "thread", id: threadId, threadId, tag: newTag() }),
        context,
      );
    const thread = { recording, headers, subscription, readAtMs: context.clock.now() };
    this.#threads.set(threadId, thread);
    void this.#follow(threadId, thread, answer, subscription.signal);
    return { recording };
  }

  #ask(threadId: string, headers: Headers, signal: AbortSignal): Promise<Response> {
    const sent = new Headers(headers);
    sent.delete("last-event-id");
    const path = `/events/${encodeURIComponent(threadId)}`;
    return this.#options.agent.ask({ method: "GET", path, headers: sent, signal });
  }

  /** Records one answer after the other, until the agent offers none. Never rejects. */
  async #follow(
    threadId: string,
    thread: Thread,
    first: Response,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, logger } = this.#options.context;
    const { recording } = thread;
    let answer: Response | null = first;
    const backOff = new BackOff(BACK_OFF);
    try {
      while (!signal.aborted) {
        if (answer) {
          const before = recording.end;
          await recording.record(answer.body, signal);
          if (recording.end > before) backOff.reset();
        }
        await backOff.pause(clock, signal);
        if (signal.aborted) break;
        answer = await this.#ask(threadId, thread.headers, signal).catch(() => null);
        if (!answer || isEventStream(answer)) continue;
        discard(answer);
        if (NOT_OFFERED.has(answer.status)) break;
        answer = null;
      }
    } catch (error) {
      if (!recording.isRemoved) logger.error("recording-failed", { error });
    }
    thread.subscription = null;
    recording.pauseReaders();
  }
}

function discard(answer: Response): void {
  answer.body?.cancel().catch(() => {
    // it is broken already
  });
}
