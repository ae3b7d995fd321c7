/** An agent as CopilotKit's clients are told of it. */
export interface CopilotKitAgent {
  /** By which a page names it: `agentId`. */
  readonly id: string;
  readonly description: string;
}

/** The agents that a page may use: what runs for all sessions is one, which CopilotKit's pages name `default`. */
export const AGENTS: readonly CopilotKitAgent[] = [{ id: "default", description: "" }];

/** The agent of a session. */
export const agentOf = (): string => "default";

export const hasAgent = (agentId: string): boolean => AGENTS.some(({ id }) => id === agentId);
