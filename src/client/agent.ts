import {
  AbstractAgent,
  type AgentCapabilities,
  type AgentConfig,
  type AgentStateMutation,
  type AgentSubscriber,
  type BaseEvent,
  type Message,
  type RunAgentInput,
} from "@ag-ui/client";
import { defaultIfEmpty, Observable } from "rxjs";
import { RESTARTED } from "./follow-runs.ts";
import { Following } from "./following.ts";
import {
  type ClientFetch,
  type ClientHeaders,
  type ConnectionOptions,
  jsonOf,
  senderOf,
  sessionPath,
} from "./requests.ts";

export interface RunlogAgentConfig extends AgentConfig, ConnectionOptions {
  /** The name of the session. Default: the thread's id. */
  readonly session?: string;
}

/**
 * An agent of `@ag-ui/client` whose runs are those of a session of runlog. It takes the place of an `HttpAgent`.
 *
 * - A run, and what follows a `connectAgent`, goes on over connections that break and servers that start again. A page that is
 *   loaded anew makes an agent with the same `threadId` and calls `connectAgent`: it has the history, and follows the run
 *   that is going on.
 * - `connectAgent` ends when no run of the session is active or waits.
 * - `abortRun` cancels the run on the server: its end comes from there. `detachActiveRun` only stops following it.
 *
 * A run fails with a `SessionClientError` where the server refuses it, or has been away for longer than `patienceMs`.
 *
 * @example
 * ```ts
 * import { RunlogAgent } from "runlog/agent";
 *
 * const url = "/api/projects/demo/agentic-sessions";
 * const agent = new RunlogAgent({ url, threadId: "hello" });
 * await agent.connectAgent();
 * agent.addMessage({ id: crypto.randomUUID(), role: "user", content: "Hi" });
 * await agent.runAgent();
 * ```
 */
export class RunlogAgent extends AbstractAgent {
  url: string;
  headers: ClientHeaders;
  fetch: ClientFetch | undefined;
  session: string | undefined;
  patienceMs: number | undefined;
  silenceMs: number | undefined;
  /** What is followed at the moment, or was last. */
  private following: Following | undefined;

  constructor(config: RunlogAgentConfig) {
    super(config);
    this.url = config.url;
    this.headers = config.headers ?? {};
    this.fetch = config.fetch;
    this.session = config.session;
    this.patienceMs = config.patienceMs;
    this.silenceMs = config.silenceMs;
  }

  override run(input: RunAgentInput): Observable<BaseEvent> {
    return this.follow(input, true);
  }

  protected override connect(input: RunAgentInput): Observable<BaseEvent> {
    return this.follow(input, false);
  }

  override abortRun(): void {
    void this.following?.abort();
  }

  override async getCapabilities(): Promise<AgentCapabilities> {
    const path = `${sessionPath(this.session ?? this.threadId)}/agui/capabilities`;
    return jsonOf(senderOf(this)({ path }));
  }

  override clone(): RunlogAgent {
    const cloned: RunlogAgent = super.clone();
    const { url, headers, fetch, session, patienceMs, silenceMs } = this;
    return Object.assign(cloned, { url, headers, fetch, session, patienceMs, silenceMs });
  }

  protected override apply(
    input: RunAgentInput,
    events: Observable<BaseEvent>,
    subscribers: AgentSubscriber[],
  ): Observable<AgentStateMutation> {
    const before = { messages: [...this.messages], state: input.state };
    // older clients fail over a stream without events, as that of a new session is
    return super.apply(input, events, withRestarts(subscribers, before)).pipe(defaultIfEmpty({}));
  }

  private follow(input: RunAgentInput, isOneRun: boolean): Observable<BaseEvent> {
    const session = this.session ?? input.threadId;
    const { url, headers, fetch, patienceMs, silenceMs } = this;
    const options = { url, headers, fetch, patienceMs, silenceMs, session, isOneRun, input };
    return new Observable((subscriber) => {
      const following = new Following(options);
      this.following = following;
      void (async () => {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion, typescript/no-unsafe-enum-assignment -- the server sends valid ones
        for await (const event of following.events()) subscriber.next(event as BaseEvent);
      })().then(
        () => subscriber.complete(),
        (error: unknown) => subscriber.error(error),
      );
      return () => following.leave();
    });
  }
}

type View = Required<Pick<AgentStateMutation, "messages" | "state">>;

/**
 * Subscribers with one that drops what a stream has brought so far when that is told anew. It is joined with the first, for which a
 * client copies all messages at each event as it does for every other.
 */
function withRestarts(
  [first = {}, ...rest]: readonly AgentSubscriber[],
  before: View,
): AgentSubscriber[] {
  const onEvent: AgentSubscriber["onEvent"] = (parameters) => {
    const { type, name, value }: { type: string; name?: string; value?: Restart } =
      parameters.event;
    if (type !== "CUSTOM" || name !== RESTARTED || !value) return first.onEvent?.(parameters);
    const { messages, state } = structuredClone(value.isWhole ? NOTHING : before);
    const known = new Set(messages.map(({ id }) => id));
    const further = value.messages.filter(({ id }) => !known.has(id));
    return { messages: [...messages, ...further], state, stopPropagation: true };
  };
  return [Object.assign(Object.create(first), { onEvent }), ...rest];
}

/** The value of the event `RESTARTED`. */
interface Restart {
  readonly messages: readonly Message[];
  readonly isWhole: boolean;
}

const NOTHING: View = { messages: [], state: {} };
