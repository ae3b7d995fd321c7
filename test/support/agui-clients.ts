import { createRequire } from "node:module";

/** What a client ended with. */
export interface Followed {
  readonly messages: readonly Record<string, unknown>[];
  readonly state: unknown;
}

interface Agent {
  readonly messages: readonly Record<string, unknown>[];
  readonly state: unknown;
  runAgent(parameters?: Record<string, unknown>): Promise<unknown>;
}

interface AgentConfig {
  readonly url: string;
  readonly threadId?: string;
  readonly initialMessages?: readonly unknown[];
  readonly initialState?: unknown;
}

/** One published generation of `@ag-ui/client`. */
export interface ClientGeneration {
  readonly version: string;
  /** Posts to `url` as the unmodified client does; rejects when the client does. */
  follow(url: string, options?: Omit<AgentConfig, "url">): Promise<Followed>;
}

interface ClientModule {
  readonly HttpAgent: new (config: AgentConfig) => Agent;
}

// the ES modules of 0.0.46 and 0.0.52 cannot apply any patch under Node; their CommonJS builds can
const require = createRequire(import.meta.url);

const MODULES: readonly (readonly [version: string, load: () => ClientModule])[] = [
  ["0.0.46", () => require("ag-ui-client-0.0.46") as ClientModule],
  ["0.0.52", () => require("ag-ui-client-0.0.52") as ClientModule],
  ["0.0.57", () => require("ag-ui-client-0.0.57") as ClientModule],
  ["0.0.58", () => require("ag-ui-client-0.0.58") as ClientModule],
  ["0.0.59", () => require("ag-ui-client-0.0.59") as ClientModule],
  ["1.0.0", () => require("@ag-ui/client") as ClientModule],
];

export const CLIENTS: readonly ClientGeneration[] = MODULES.map(([version, load]) => {
  const { HttpAgent } = load();
  return {
    version,
    async follow(url, options = {}) {
      const agent = new HttpAgent({ url, ...options });
      await agent.runAgent({});
      return { messages: agent.messages, state: agent.state };
    },
  };
});

/** An address at which a client finds this body as an event stream, without a server. */
export function addressOfStream(body: string): string {
  return `data:text/event-stream;base64,${Buffer.from(body).toString("base64")}`;
}
