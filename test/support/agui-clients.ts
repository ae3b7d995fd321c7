import { loadClients } from "./agui-packages.ts";

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

export const CLIENTS: readonly ClientGeneration[] = loadClients<ClientModule>().map(
  ({ version, package: { HttpAgent } }) => ({
    version,
    async follow(url, options = {}) {
      const agent = new HttpAgent({ url, ...options });
      await agent.runAgent({});
      return { messages: agent.messages, state: agent.state };
    },
  }),
);

/** An address at which a client finds this body as an event stream, without a server. */
export function addressOfStream(body: string): string {
  return `data:text/event-stream;base64,${Buffer.from(body).toString("base64")}`;
}
