import type {
  AgentRunner,
  AgentRunnerConnectRequest,
  AgentRunnerIsRunningRequest,
  AgentRunnerRunRequest,
  AgentRunnerStopRequest,
} from "@copilotkit/runtime/v2";
import { Observable } from "rxjs";
import { detailOf, type StreamedEvent, streamEvents } from "./event-stream.ts";

export interface RunlogAgentRunnerOptions {
  /** The address of the sessions: `http://…/api/projects/<project>/agentic-sessions`. */
  readonly url: string;
  /** Headers of every request, such as the runtime's own token. Default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** How long in ms a stream that broke off is asked for again in vain. Default one minute. */
  readonly retryForMs?: number;
}

type Events = ReturnType<AgentRunner["run"]>;

const RETRY_FOR_MS = 60_000;
const ENDS: ReadonlySet<string> = new Set(["RUN_FINISHED", "RUN_ERROR"]);

/**
 * Runs the agents of a CopilotKit runtime in sessions of runlog, one a thread: an `AgentRunner` for
 * `new CopilotRuntime({ runner })`. What answers is the runner that runlog has (`RUNNER_URL`); the runtime's agents give their names and
 * the headers that it forwards. It keeps nothing itself: a runtime that was restarted, or another one, has the same
 * threads and the runs that go on, and a stream that breaks off is taken up after its last event. Needs `rxjs`.
 *
 * @example
 * ```ts
 * import { HttpAgent } from "@ag-ui/client";
 * import { CopilotRuntime } from "@copilotkit/runtime/v2";
 * import { RunlogAgentRunner } from "runlog/copilotkit";
 *
 * const url = "http://127.0.0.1:8080/api/projects/default/agentic-sessions";
 * const agents = { default: new HttpAgent({ url }) };
 * export const runtime = new CopilotRuntime({ agents, runner: new RunlogAgentRunner({ url }) });
 * ```
 */
// their class has no code of its own: what has its methods is one, whichever copy of the package is there
export class RunlogAgentRunner implements AgentRunner {
  readonly #options: RunlogAgentRunnerOptions;

  /** Throws TypeError for a URL that is none. */
  constructor(options: RunlogAgentRunnerOptions) {
    if (!URL.canParse(options.url)) throw new TypeError("url must be the address of the sessions");
    this.#options = options;
  }

  /** Starts a run, or takes up that of its id; the events are those of its own stream (PROTOCOL 11). */
  run({ agent, input, threadId }: AgentRunnerRunRequest): Events {
    const { headers }: { readonly headers?: Readonly<Record<string, string>> } = agent;
    const body = JSON.stringify(input);
    return this.#stream(threadId, "/agui/run", { body, headers, mayBeEmpty: false });
  }

  /** The history of a thread and what goes on; nothing for a thread that is not there. */
  connect({ headers, threadId }: AgentRunnerConnectRequest): Events {
    const body = JSON.stringify({ threadId });
    return this.#stream(threadId, "/agui/connect", { body, headers, mayBeEmpty: true });
  }

  /** Whether a run of the thread goes on or waits. */
  async isRunning({ threadId }: AgentRunnerIsRunningRequest): Promise<boolean> {
    const response = await this.#send(threadId, "");
    if (response.status === 404) {
      await response.body?.cancel();
      return false;
    }
    if (!response.ok) throw new Error(await detailOf(response));
    const { status = {} }: { readonly status?: { readonly agentStatus?: string } } =
      await response.json();
    return status.agentStatus === "working";
  }

  /** Cancels the run that is named, or the active one; resolves with whether there was one. */
  async stop({ runId, threadId }: AgentRunnerStopRequest): Promise<boolean> {
    const body = JSON.stringify(runId === undefined ? {} : { runId });
    const response = await this.#send(threadId, "/agui/cancel", { body });
    if (!response.ok && response.status !== 404) throw new Error(await detailOf(response));
    await response.body?.cancel();
    return response.ok;
  }

  #stream(
    threadId: string,
    path: string,
    request: {
      readonly body: string;
      readonly headers: Readonly<Record<string, string>> | undefined;
      readonly mayBeEmpty: boolean;
    },
  ): Events {
    const { retryForMs = RETRY_FOR_MS } = this.#options;
    const { body, headers, mayBeEmpty } = request;
    const events = new Observable<StreamedEvent>((subscriber) => {
      const gone = new AbortController();
      const { signal } = gone;
      const stream = streamEvents({
        open: (more) => {
          const all = { ...headers, ...more, Accept: "text/event-stream" };
          return this.#send(threadId, path, { body, headers: all, signal });
        },
        isEnd: ({ type }) => ENDS.has(type),
        mayBeEmpty,
        retryForMs,
        signal,
      });
      void deliver(stream, subscriber);
      // a page that goes stops nothing
      return () => gone.abort();
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- runlog sends events of AG-UI
    return events as unknown as Events;
  }

  #send(
    threadId: string,
    path: string,
    {
      headers,
      ...init
    }: Pick<RequestInit, "body" | "signal"> & {
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Response> {
    const { fetch = globalThis.fetch, headers: own, url } = this.#options;
    const address = `${url.replace(/\/$/, "")}/${encodeURIComponent(threadId)}${path}`;
    if (init.body === undefined) return fetch(address, { headers: { ...own, ...headers } });
    const json = { "Content-Type": "application/json" };
    return fetch(address, { method: "POST", ...init, headers: { ...headers, ...own, ...json } });
  }
}

async function deliver(
  stream: AsyncIterable<StreamedEvent>,
  subscriber: {
    next(event: StreamedEvent): void;
    error(error: unknown): void;
    complete(): void;
    readonly closed: boolean;
  },
): Promise<void> {
  try {
    for await (const event of stream) subscriber.next(event);
    subscriber.complete();
  } catch (error) {
    if (!subscriber.closed) subscriber.error(error);
  }
}
