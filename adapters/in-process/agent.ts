/** An AG-UI event. */
export interface AgentEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** A `RunAgentInput` as the caller of the run posted it. */
export interface AgentInput {
  readonly threadId: string;
  readonly runId: string;
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly [member: string]: unknown;
}

export interface AgentRunOptions {
  /** Aborts when the run is cancelled or interrupted: the agent should end it. */
  readonly signal: AbortSignal;
}

/** An agent as a function: the events of a run, RUN_STARTED to RUN_FINISHED or RUN_ERROR. */
export interface AgentFunction {
  (input: AgentInput, options: AgentRunOptions): AsyncIterable<AgentEvent>;
  /** What it does, for people. */
  readonly description?: string;
}

/** An agent as `AbstractAgent` of `@ag-ui/client` is one. */
export interface AgentObject {
  run(input: never): {
    subscribe(observer: {
      readonly next: (event: AgentEvent) => void;
      readonly error: (error: unknown) => void;
      readonly complete: () => void;
    }): { unsubscribe(): void };
  };
  /** An agent of its own for a run, so that runs of several threads do not meet. */
  clone?(): AgentObject;
  abortRun?(): unknown;
  readonly description?: string | undefined;
  getCapabilities?(): Promise<unknown>;
}

export type Agent = AgentFunction | AgentObject;

/** What `runAgent` is given beside the agent and its input. */
export interface RunAgentOptions extends AgentRunOptions {
  /** Takes an event; rejects where it cannot, which ends the run. */
  readonly next: (event: AgentEvent) => Promise<void>;
}

/** Calls `next` for each event of a run in order. Resolves when it has ended; rejects as the agent. */
export async function runAgent(
  agent: Agent,
  input: AgentInput,
  { signal, next }: RunAgentOptions,
): Promise<void> {
  if (typeof agent === "function")
    for await (const event of agent(input, { signal })) await next(event);
  else await runObject(agent.clone?.() ?? agent, input, { signal, next });
}

/** What an agent throws while it is stopped concerns nobody: its run is over. */
async function quietly(stop: () => Promise<unknown>): Promise<void> {
  try {
    await stop();
  } catch {
    // see above
  }
}

function runObject(
  agent: AgentObject,
  input: AgentInput,
  { signal, next }: RunAgentOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let stop = (): void => {};
    const fail = (error: unknown): void => {
      stop();
      reject(error);
    };
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
    // the type of the input is the library's, and the body was one
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    const subscription = agent.run(input as never).subscribe({
      next: (event) => void next(event).catch(fail),
      error: reject,
      complete: resolve,
    });
    stop = () => {
      void quietly(async () => agent.abortRun?.());
      void quietly(async () => subscription.unsubscribe());
    };
    if (signal.aborted) fail(signal.reason);
  });
}
