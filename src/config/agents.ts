import { isAgentName, MAX_AGENTS } from "../ports/named-agent.ts";
import { SERVERS, type Setting, text } from "./setting.ts";
import { readRunnerUrl } from "./values.ts";

/** An agent as it is configured. */
export interface AgentConfig {
  readonly name: string;
  /** URL template of its runner, in which `{agent}` may stand as well. */
  readonly url: string;
}

/** What an agent can be called, for errors. */
export const AGENT_NAME_FORM = "1-63 of A-Z a-z 0-9 _ -, a letter first";

export const AGENTS_SETTING: Setting<string | null> = text("RUNLOG_AGENTS", {
  shown: "",
  meaning:
    "several agents, the first being the default: <name>=<URL of its runner>, comma-separated; a name alone is at RUNNER_URL, which has {agent}",
  form: "names, each once, with http(s) URLs",
  flag: "agents",
  group: "Runners",
  entries: SERVERS,
});

/** A template of a runner's URL in which `{agent}` may stand as well; null for what cannot be one. */
export function readAgentUrl(given: string): string | null {
  return readRunnerUrl(given.replaceAll("{agent}", "x")) && given;
}

export interface AgentsContext {
  readonly runnerUrl: string | null;
  readonly isCluster: boolean;
}

/**
 * The agents of `RUNLOG_AGENTS`, or none where it is not set. Adds to `problems` what is wrong with it, or contradicts
 * the rest of the configuration; a URL, which may hold a secret, is not repeated there.
 */
export function readAgents(
  given: string | null,
  { runnerUrl, isCluster }: AgentsContext,
  problems: string[],
): readonly AgentConfig[] {
  const isTemplate = runnerUrl?.includes("{agent}") ?? false;
  if (given === null) {
    if (isTemplate) problems.push("RUNNER_URL has {agent}, and RUNLOG_AGENTS names none");
    return [];
  }
  if (isCluster) {
    problems.push(
      "RUNLOG_AGENTS and RUNLOG_AUTH=kubernetes exclude each other: there each session has a runner of its own, by its runnerType",
    );
    return [];
  }
  const entries = given.split(",").map(readEntry);
  if (entries.length > MAX_AGENTS) {
    problems.push(`RUNLOG_AGENTS names more than ${MAX_AGENTS} agents`);
    return [];
  }
  const names = new Set<string>();
  for (const { name, url } of entries) {
    if (!isAgentName(name))
      problems.push(
        `RUNLOG_AGENTS: ${quoted(name)} cannot be the name of an agent (${AGENT_NAME_FORM}; a comma in a URL is %2C)`,
      );
    else if (names.has(name)) problems.push(`RUNLOG_AGENTS names ${name} twice`);
    else if (url === null && !isTemplate)
      problems.push(
        `RUNLOG_AGENTS says no URL of ${name}: give ${name}=<URL>, or a RUNNER_URL with {agent}`,
      );
    else if (url !== null && readAgentUrl(url) === null)
      problems.push(
        `RUNLOG_AGENTS: the URL of ${name} must be an http(s) URL without a user, such as ${name}=http://${name}:8001/`,
      );
    names.add(name);
  }
  if (runnerUrl !== null && entries.every(({ url }) => url !== null))
    problems.push(
      "RUNLOG_AGENTS and RUNNER_URL exclude each other, where each agent has a URL of its own",
    );
  return entries.map(({ name, url }) => ({ name, url: url ?? runnerUrl ?? "" }));
}

function readEntry(entry: string): { readonly name: string; readonly url: string | null } {
  const at = entry.indexOf("=");
  if (at < 0) return { name: entry.trim(), url: null };
  return { name: entry.slice(0, at).trim(), url: entry.slice(at + 1).trim() };
}

/** What is no name may be a part of a URL: little of it is shown. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 20 ? `${name.slice(0, 20)}…` : name);
}
