import { RunlogError } from "./errors.ts";
import type { SessionDocument } from "./session-directory.ts";

/** An agent that a session can have. */
export interface NamedAgent {
  /** As `isAgentName` allows. */
  readonly name: string;
  /** What it does, for people; null where nobody has said so. */
  readonly description: string | null;
}

/** Most agents of a server. */
export const MAX_AGENTS = 100;

const AGENT_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

/** Whether `name` can be an agent's: 1-63 of `[A-Za-z0-9_-]`, a letter first. */
export function isAgentName(name: string): boolean {
  return AGENT_NAME.test(name);
}

/** The agent that the session has, by its document; null where none was chosen yet. */
export function agentOf({ spec }: Pick<SessionDocument, "spec">): string | null {
  const { agent } = spec;
  return typeof agent === "string" && agent !== "" ? agent : null;
}

/** Which agents there are, as a part of a sentence for people. */
export function listOfAgents(agents: readonly Pick<NamedAgent, "name">[]): string {
  if (agents.length === 0) return "no agent of this server has a name";
  return `agents: ${agents.map(({ name }) => name).join(", ")}`;
}

/** The refusal of what needs a session's agent that is none of `agents`. */
export function agentNotConfigured(
  agents: readonly Pick<NamedAgent, "name">[],
  agent: string,
): RunlogError {
  return new RunlogError(
    "agent-not-configured",
    `The session's agent "${agent}" is not configured any more; ${listOfAgents(agents)}`,
    { agent },
  );
}
