import type { NamedAgent } from "../../ports/named-agent.ts";

/** An agent as CopilotKit's clients are told of it. */
interface CopilotKitAgent {
  /** By which a page names it: `agentId`. */
  readonly id: string;
  readonly description: string;
}

/** The agents that a page may use. */
export interface CopilotKitAgents {
  readonly all: readonly CopilotKitAgent[];
  has(agentId: string): boolean;
  /** What a run names its agent with, as the query of its path; "" for a page that leaves it to the session. */
  queryOf(agentId: string): string;
  /** Whether a session with this agent is one of the page's; null: a session that has none yet. */
  isOf(agentId: string, agent: string | null): boolean;
}

/** By which pages of CopilotKit name an agent unless they are told otherwise. */
export const DEFAULT_AGENT = "default";

/**
 * The server's agents, and `default`, which stands for the one that a session has, or gets if nobody names one. An agent
 * of that name takes its place.
 */
export function copilotKitAgents(named: readonly NamedAgent[]): CopilotKitAgents {
  const own = named.map(({ description, name }) => ({ id: name, description: description ?? "" }));
  const isNamed = (agentId: string): boolean => named.some(({ name }) => name === agentId);
  const [first] = own;
  const standIn = { id: DEFAULT_AGENT, description: first?.description ?? "" };
  const all = isNamed(DEFAULT_AGENT) ? own : [standIn, ...own];
  return {
    all,
    has: (agentId) => all.some(({ id }) => id === agentId),
    queryOf: (agentId) => (isNamed(agentId) ? `?agent=${agentId}` : ""),
    isOf: (agentId, agent) => !isNamed(agentId) || agent === agentId,
  };
}
