import type { RelaySpool, SpoolLogInfo } from "../ports/relay-spool.ts";
import { type Agent, isEventStream } from "./agent.ts";
import { Recording, type RecordingContext } from "./recording.ts";
import type { RunRequest } from "./run-request.ts";

/** What became of a posted run. */
export type StartedRun =
  /** The agent's answer is a stream, which is recorded. */
  | { readonly kind: "recorded"; readonly recording: Recording; readonly answer: Response }
  /** The run is known: it is not started again. */
  | { readonly kind: "known"; readonly recording: Recording }
  /** The agent answered something else. */
  | { readonly kind: "refused"; readonly answer: Response };

export interface RunsOptions {
  readonly agent: Agent;
  readonly spool: RelaySpool;
  readonly context: RecordingContext;
  readonly newTag: () => string;
}

interface Run {
  /** Resolves when there is a recording; null if it cannot be made. */
  readonly created: Promise<Recording | null>;
  /** Whether a client has been given the recording before the agent has answered: then its answer is recorded, whatever it is. */
  isPromised: boolean;
  /** Resolves when the agent has answered; null if it has not taken the run. */
  readonly opened: Promise<Recording | null>;
  /** Breaks the agent's answer off. */
  readonly abort: AbortController;
  /** Resolves when nothing is recorded any more; never rejects. */
  readonly over: Promise<void>;
}

/** The runs that a relay has, by their ids. */
export class Runs {
  readonly #options: RunsOptions;
  readonly #runs = new Map<string, Run>();

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /** Takes over a run that an earlier process has left. One that was open ends with an error. */
  async recover(recording: Recording): Promise<void> {
    const text = "The relay was restarted while the run was open";
    if (recording.endedAtMs === null)
      await recording.endBroken(this.#errorEvent(recording.info, "relay-restarted", text));
    this.#runs.set(recording.info.id, {
      created: Promise.resolve(recording),
      isPromised: true,
      opened: Promise.resolve(recording),
      abort: new AbortController(),
      over: Promise.resolve(),
    });
  }

  /** The run's recording once the agent has taken it; null if there is none. */
  async find(runId: string): Promise<Recording | null> {
    const run = this.#runs.get(runId);
    const recording = (await run?.opened) ?? null;
    if (!run || recording?.isRemoved !== true) return recording;
    // it was evicted for room
    await this.#forget(runId, run, recording);
    return null;
  }

  /** As `find`, but does not wait for the agent's answer: a refusal is an event of the run then. */
  async promise(runId: string): Promise<Recording | null> {
    const run = this.#runs.get(runId);
    if (!run) return null;
    run.isPromised = true;
    const recording = await run.created;
    return recording?.isRemoved === false ? recording : this.find(runId);
  }

  /**
   * Posts a run to the agent, once for each id. Throws what `fetch` throws; the run is not known then.
   */
  async start(request: RunRequest, runId: string, headers: Headers): Promise<StartedRun> {
    const known = await this.find(runId);
    if (known) return { kind: "known", recording: known };
    // it may have been taken or refused meanwhile: who is first posts it
    if (this.#runs.has(runId)) return this.start(request, runId, headers);
    let open = (_recording: Recording | null): void => {};
    let end = (): void => {};
    const opened = new Promise<Recording | null>((resolve) => (open = resolve));
    const over = new Promise<void>((resolve) => (end = resolve));
    const creating = this.#create(runId, request.threadId);
    const created = creating.catch(() => null);
    const run: Run = { created, isPromised: false, opened, abort: new AbortController(), over };
    this.#runs.set(runId, run);
    let recording: Recording | null = null;
    try {
      recording = await creating;
      const answer = await this.#post(request, headers, run.abort.signal);
      if (!isEventStream(answer)) {
        if (run.isPromised) {
          discard(answer);
          throw new Refused(answer.status);
        }
        await this.#forget(runId, run, recording);
        open(null);
        end();
        return { kind: "refused", answer };
      }
      const taken = recording;
      open(taken);
      void this.#record(taken, answer, run).finally(end);
      return { kind: "recorded", recording: taken, answer };
    } catch (error) {
      const isKept =
        recording !== null && run.isPromised && (await this.#failed(recording, run, error));
      if (!isKept) await this.#forget(runId, run, recording);
      open(isKept ? recording : null);
      end();
      if (isKept && recording) return { kind: "known", recording };
      throw error;
    }
  }

  /** The client has stored the run, or wants no more of it: the agent's answer is broken off. */
  async delete(runId: string): Promise<void> {
    const run = this.#runs.get(runId);
    if (!run) return;
    const recording = await run.created;
    // first, so that nobody is told of an end that is none
    if (recording) await this.#forget(runId, run, recording);
    run.abort.abort(new Error("the run was deleted"));
  }

  /** Forgets runs that ended before `endedBeforeMs`. */
  async expire(endedBeforeMs: number): Promise<void> {
    for (const [runId, run] of this.#runs) {
      const recording = await this.#openedNow(run);
      const endedAtMs = recording?.endedAtMs ?? null;
      if (recording?.isRemoved || (endedAtMs !== null && endedAtMs < endedBeforeMs))
        await this.#forget(runId, run, recording);
    }
  }

  /** How many runs the relay has. */
  get size(): number {
    return this.#runs.size;
  }

  /** Resolves when no run is open. */
  async settled(): Promise<void> {
    for (;;) {
      const open = [...this.#runs.values()].map(({ over }) => over);
      await Promise.all(open);
      if (open.length === this.#runs.size) return;
    }
  }

  /** Breaks off all that is open. Resolves when the ends are spooled. */
  async stop(): Promise<void> {
    for (const { abort } of this.#runs.values()) abort.abort(new Stopped());
    await this.settled();
  }

  async #create(id: string, threadId: string | null): Promise<Recording> {
    const { spool, context, newTag } = this.#options;
    const log = await spool.create({ kind: "run", id, threadId, tag: newTag() });
    return new Recording(log, context);
  }

  #post(request: RunRequest, headers: Headers, signal: AbortSignal): Promise<Response> {
    const sent = { method: "POST", path: "", headers, body: request.body(), signal };
    return this.#options.agent.ask({ ...sent, bodyBytes: request.bytes });
  }

  /** Records the answer to its end. Never rejects. */
  async #record(recording: Recording, answer: Response, { abort }: Run): Promise<void> {
    try {
      if ((await recording.record(answer.body, abort.signal)) === "ended")
        return await recording.markEnded();
      const isStopped = abort.signal.reason instanceof Stopped;
      const [code, text] = isStopped
        ? ["relay-stopped", "The relay was stopped while the run was open"]
        : ["agent-disconnected", "The agent's stream broke off before the run finished"];
      await recording.endBroken(this.#errorEvent(recording.info, code, text));
    } catch (error) {
      if (!recording.isRemoved) this.#options.context.logger.error("recording-failed", { error });
    }
  }

  /** Ends a promised run that the agent has not taken. Resolves with false when it was deleted meanwhile. Never rejects. */
  async #failed(recording: Recording, { abort }: Run, error: unknown): Promise<boolean> {
    const { reason, aborted } = abort.signal;
    if (recording.isRemoved || (aborted && !(reason instanceof Stopped))) return false;
    const [code, text] = aborted
      ? ["relay-stopped", "The relay was stopped while the run was open"]
      : error instanceof Refused
        ? ["agent-refused", `The agent answered ${error.status}`]
        : ["agent-unreachable", "The agent does not answer"];
    try {
      await recording.endBroken(this.#errorEvent(recording.info, code, text));
      return true;
    } catch {
      return false;
    }
  }

  async #forget(runId: string, run: Run, recording: Recording | null): Promise<void> {
    if (this.#runs.get(runId) === run) this.#runs.delete(runId);
    await recording?.remove();
  }

  /** The recording of a run that the agent has answered; null while it has not. */
  #openedNow(run: Run): Promise<Recording | null> {
    return Promise.race([run.opened, Promise.resolve(null)]);
  }

  #errorEvent(
    { id, threadId }: SpoolLogInfo,
    code: string,
    message: string,
  ): Readonly<Record<string, unknown>> {
    const timestamp = this.#options.context.clock.now();
    const thread = threadId !== null && { threadId };
    return { type: "RUN_ERROR", message, code, ...thread, runId: id, timestamp };
  }
}

/** The agent answered something else than a stream. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the agent answered ${status}`);
    this.status = status;
  }
}

function discard(answer: Response): void {
  answer.body?.cancel().catch(() => {
    // it is broken already
  });
}

/** The reason with which open runs are broken off when the relay ends. */
class Stopped extends Error {}
