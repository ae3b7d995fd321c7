/**
 * Which agent a session has (decision 032): what its creation names, else what its first run names, else the first of
 * the server's agents. Its document says so from then on, as `spec.agent`.
 */

import { RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import {
  agentNotConfigured,
  agentOf,
  listOfAgents,
  type NamedAgent,
} from "../../ports/named-agent.ts";
import type { SessionDirectory, SessionDocument } from "../../ports/session-directory.ts";

type Agents = Pick<SessionDirectory, "agents">;

/** So much of an unknown name is shown to who has sent it. */
const SHOWN_CHARS = 64;

/** Throws `agent-not-found`, with the names that there are. */
export function assertAgentExists({ agents }: Agents, name: string): void {
  if (has(agents, name)) return;
  const shown = JSON.stringify(name.slice(0, SHOWN_CHARS));
  throw new RunlogError("agent-not-found", `There is no agent ${shown}; ${listOfAgents(agents)}`);
}

/**
 * Checks what a request says of a session's agent; `named` is the agent that it names, or null. Throws
 * `agent-not-found`, and `agent-conflict` where the session has another one.
 */
export async function assertAgentOf(
  directory: Pick<SessionDirectory, "agents" | "get">,
  key: SessionKey,
  named: string | null,
): Promise<void> {
  if (named === null) return;
  assertAgentExists(directory, named);
  const document = await directory.get(key);
  if (document) assertSame(document, named);
}

/**
 * What has to be called when a run's session has a log, to give it its agent; null if it has one. `named` is as above.
 * Throws as `assertAgentOf`, and `agent-not-configured` where the session's agent is gone. What it resolves with
 * throws `agent-conflict` where the session got another one meanwhile, `log-not-found` if it is gone, and what the
 * directory throws.
 */
export async function agentChoice(
  directory: Pick<SessionDirectory, "agents" | "get" | "logsMakeSessions" | "update">,
  key: SessionKey,
  named: string | null,
): Promise<(() => Promise<void>) | null> {
  const { agents, logsMakeSessions } = directory;
  if (named !== null) assertAgentExists(directory, named);
  // elsewhere the platform has a runner for each session
  const document = logsMakeSessions ? await directory.get(key) : null;
  const agent = document && agentOf(document);
  if (!document || agent === null) {
    const choice = named ?? agents[0]?.name;
    return choice === undefined ? null : () => choose(directory, key, { named, choice });
  }
  assertSame(document, named);
  if (has(agents, agent)) return null;
  throw agentNotConfigured(agents, agent);
}

async function choose(
  directory: Pick<SessionDirectory, "update">,
  key: SessionKey,
  { named, choice }: { readonly named: string | null; readonly choice: string },
): Promise<void> {
  const chosen = await directory.update(key, (document) => {
    assertSame(document, named);
    const agent = agentOf(document) ?? choice;
    return { ...document, spec: { ...document.spec, agent } };
  });
  if (!chosen) throw new RunlogError("log-not-found", "The session was deleted");
}

function assertSame(document: SessionDocument, named: string | null): void {
  const agent = agentOf(document);
  if (named === null || agent === null || agent === named) return;
  throw new RunlogError("agent-conflict", `The session's agent is "${agent}", not "${named}"`, {
    agent,
  });
}

function has(agents: readonly NamedAgent[], name: string): boolean {
  return agents.some((agent) => agent.name === name);
}
