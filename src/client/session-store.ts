import type { AgentSubscriber, Message, RunAgentInput } from "@ag-ui/client";
import type { RunlogAgent } from "./agent.ts";
import { randomId } from "./random-id.ts";
import { createSessionClient } from "./session-client.ts";

/** What a page shows of a session. */
export interface SessionView {
  /** All messages, and those that were sent and are not part of a run yet. */
  readonly messages: readonly Message[];
  readonly state: unknown;
  /** `connecting` until the history comes, `working` while a run goes on or waits. */
  readonly status: "connecting" | "working" | "idle";
  /** Why the latest run, or the latest request, failed; null if it did not. */
  readonly error: Error | null;
}

/** A user message's content: text, or parts of AG-UI. */
export type SentContent = Extract<Message, { role: "user" }>["content"];

/** What a run is posted with beside its messages. */
export type SentParameters = Partial<
  Pick<RunAgentInput, "context" | "forwardedProps" | "resume" | "tools">
>;

/**
 * What a page shows of the session of an agent, as a store to which it subscribes. While somebody is subscribed the session is
 * followed until no run is active, and each run that is sent from here. What others start after that is seen when the
 * page is loaded anew.
 */
export class SessionStore {
  readonly agent: RunlogAgent;
  #view: SessionView = { messages: [], state: {}, status: "connecting", error: null };
  readonly #listeners = new Set<() => void>();
  /** One stream after the other is followed: they are of one agent. */
  #following: Promise<void> = Promise.resolve();
  #isStarting = false;
  /** The runs that have been told, so that none is followed twice. */
  readonly #told = new Set<string>();
  /** Messages that may not have come back yet. */
  #sent: readonly Message[] = [];
  /** Runs that were sent and have not ended. */
  #waiting = 0;
  #isOpen = false;

  constructor(agent: RunlogAgent) {
    this.agent = agent;
    this.#view = { ...this.#view, messages: agent.messages, state: agent.state };
    agent.subscribe(this.#subscriber());
  }

  /** The same object as long as nothing has changed. */
  readonly view = (): SessionView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) void this.agent.detachActiveRun();
    };
  };

  /**
   * Sends a message of the user, or with null just starts a run (to answer an interrupt by `resume`). Resolves when the server has it;
   * a run that goes on comes first. Rejects with a `SessionClientError` where it is refused.
   */
  readonly send = async (
    content: SentContent | null,
    parameters: SentParameters = {},
  ): Promise<void> => {
    const runId = randomId();
    const { threadId } = this.agent;
    const message: Message | null =
      content === null ? null : { id: randomId(), role: "user", content };
    if (message) this.#sent = [...this.#sent, message];
    this.#waiting++;
    this.#show({ error: null });
    const messages = this.#view.messages.filter(({ role }) => role !== "activity");
    const session = createSessionClient(this.agent).session(this.agent.session ?? threadId);
    try {
      await session.run({ ...parameters, threadId, runId, messages });
    } catch (error) {
      this.#sent = this.#sent.filter((sent) => sent !== message);
      this.#waiting--;
      this.#show({ error: asError(error) });
      throw error;
    }
    this.#next(
      async () => {
        if (message && !this.#has(message)) this.agent.messages.push(message);
        if (!this.#told.has(runId)) await this.agent.runAgent({ ...parameters, runId });
      },
      () => this.#waiting--,
    );
  };

  /** Cancels the run that goes on. */
  readonly cancel = (): void => this.agent.abortRun();

  #start(): void {
    // a component that is mounted twice in a row follows once
    if (this.#isStarting) return;
    this.#isStarting = true;
    this.#next(async () => {
      this.#isStarting = false;
      if (this.#listeners.size === 0) return;
      this.agent.messages = [];
      this.agent.state = {};
      await this.agent.connectAgent();
    });
  }

  #next(follow: () => Promise<void>, onEnd: () => void = () => {}): void {
    this.#following = this.#following
      .then(follow)
      .catch((error: unknown) => this.#show({ error: asError(error) }))
      .finally(() => {
        onEnd();
        this.#isOpen = false;
        this.#show({ status: "idle" });
      });
  }

  #has({ id }: Message): boolean {
    return this.agent.messages.some((message) => message.id === id);
  }

  #show(change: Partial<SessionView> = {}): void {
    const { messages, state } = this.agent;
    this.#sent = this.#sent.filter((message) => !this.#has(message));
    const isWorking = this.#isOpen || this.#waiting > 0;
    const status = isWorking ? "working" : (change.status ?? this.#view.status);
    const error = change.error === undefined ? this.#view.error : change.error;
    this.#view = { messages: [...messages, ...this.#sent], state, status, error };
    for (const listener of this.#listeners) listener();
  }

  #subscriber(): AgentSubscriber {
    const ended = (error: Error | null): void => {
      this.#isOpen = false;
      this.#show({ status: "idle", error });
    };
    return {
      onRunStartedEvent: ({ event }) => {
        this.#told.add(event.runId);
        this.#isOpen = true;
        this.#show({ error: null });
      },
      onRunFinishedEvent: () => ended(null),
      onRunErrorEvent: ({ event }) => ended(new Error(event.message)),
      onMessagesChanged: () => this.#show(),
      onStateChanged: () => this.#show(),
      onEvent: () => {
        // it was left before it began
        if (this.#listeners.size === 0) void this.agent.detachActiveRun();
      },
    };
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
