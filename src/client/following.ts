import { pause } from "../stream/sync/pause.ts";
import { systemClock } from "../stream/sync/system-clock.ts";
import type { AgUiEvent } from "./api-types.ts";
import { followRuns } from "./follow-runs.ts";
import { OpenRun } from "./open-run.ts";
import { createSessionClient } from "./session-client.ts";
import { SessionClientError } from "./client-error.ts";
import { insist } from "./patience.ts";
import { type ConnectionOptions, type Send, senderOf, sessionPath } from "./requests.ts";

/** What is followed: a run that is posted, or the session. */
export interface FollowingOptions extends ConnectionOptions {
  readonly session: string;
  readonly isOneRun: boolean;
  /** The `RunAgentInput` that is posted. */
  readonly input: { readonly runId: string; readonly protocolVersion?: string };
}

/** How long in ms a run that was cancelled may take to end, until its reader does not wait any more. */
const CANCELLED_MS = 10_000;

/** A client of the standard that follows a run or a session, and may stop what it follows. */
export class Following {
  readonly #options: FollowingOptions;
  readonly #send: Send;
  readonly #openRun = new OpenRun();
  readonly #leaving = new AbortController();
  /** Whether the server has answered. */
  #isOpen = false;
  #isAborted = false;

  constructor(options: FollowingOptions) {
    this.#options = options;
    this.#send = senderOf(options);
  }

  /** As `followRuns`. To be called once. */
  async *events(): AsyncGenerator<AgUiEvent, void, undefined> {
    const { isOneRun, input } = this.#options;
    const { signal } = this.#leaving;
    const openRun = this.#openRun;
    const open = (lastId: string | null): Promise<Response> => this.#connect(lastId);
    const isOver = (hasBegun: boolean): Promise<boolean> => this.#isOver(hasBegun);
    try {
      yield* followRuns({ ...this.#options, open, isOneRun, isOver, openRun, signal });
      if (!this.#isAborted) return;
      // clients before 1.0 do not know the outcome
      const isNew = input.protocolVersion !== undefined;
      yield* openRun.close(isNew ? { outcome: { type: "cancelled" } } : {});
    } finally {
      this.#leaving.abort();
    }
  }

  /** Nothing is read any more. What is followed goes on. */
  leave(): void {
    this.#leaving.abort();
  }

  /**
   * Cancels the run: the one that was posted, or that is open. Its end comes from the server; the events end without it where
   * the server has not answered yet, refuses, or takes too long. Never rejects.
   */
  async abort(): Promise<void> {
    const { session, isOneRun, input } = this.#options;
    const runId = isOneRun ? input.runId : this.#openRun.runId;
    if (!this.#isOpen || runId === null) this.#giveUp();
    if (runId === null) return;
    const path = `${sessionPath(session)}/agui/cancel`;
    const cancel = (): Promise<Response> =>
      this.#send({ path, method: "POST", body: { runId }, isPrompt: true });
    await insist(cancel, this.#options).then(
      () => pause(CANCELLED_MS, systemClock, this.#leaving.signal),
      () => {},
    );
    this.#giveUp();
  }

  #giveUp(): void {
    this.#isAborted ||= !this.#leaving.signal.aborted;
    this.#leaving.abort();
  }

  /** A session without an active run is over, once all that it has was told. */
  async #isOver(hasBegun: boolean): Promise<boolean> {
    const { signal } = this.#leaving;
    const session = createSessionClient(this.#options).session(this.#options.session);
    try {
      if (hasBegun) return (await session.get({ signal })).status?.activeRun === undefined;
      const { activeRun, messages } = await session.messages({ signal });
      return activeRun === null && messages?.length === 0;
    } catch (error) {
      if (error instanceof SessionClientError && error.status === 404) return true;
      throw error;
    }
  }

  async #connect(lastId: string | null): Promise<Response> {
    const { session, isOneRun, input } = this.#options;
    const { signal } = this.#leaving;
    const path = sessionPath(session);
    // a run that is posted anew after its session was deleted would be done again
    if (isOneRun && lastId !== null) await this.#send({ path, signal, isPrompt: true });
    const response = await this.#send({
      path: `${path}/agui/${isOneRun ? "run" : "connect"}`,
      method: "POST",
      body: input,
      headers: {
        Accept: "text/event-stream",
        ...(lastId !== null && { "Last-Event-ID": lastId }),
      },
      signal,
      isPrompt: true,
    });
    this.#isOpen = true;
    return response;
  }
}
