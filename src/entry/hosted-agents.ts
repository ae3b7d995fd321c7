import { type Agent, createInProcessRunner } from "../../adapters/in-process/index.ts";
import type { LocalAgent } from "../../adapters/local/index.ts";
import { AGENT_NAME_FORM, readAgentUrl } from "../config/agents.ts";
import { readRunnerUrl } from "../config/values.ts";
import type { Logger } from "../ports/logger.ts";
import { isAgentName, MAX_AGENTS } from "../ports/named-agent.ts";
import { createRunnerFetch, type RunnerFetch } from "./runner-fetch.ts";

/**
 * Agents by their names, in the order in which they are listed; the first is that of sessions that name none. Each is
 * as a single one, and in a URL `{agent}` is filled in as well. No agent is named `run`: an object with
 * that function is an agent itself.
 */
interface NamedAgents {
  readonly [name: string]: string | Agent;
  readonly run?: never;
}

/** What a host gives as `runner`: the URL of one, an agent in its process, or several of either by name. */
export type HostedRunner = string | Agent | NamedAgents;

/** Where a host's agents are, and what reaches them. */
export interface HostedAgents {
  /** URL template of the one agent without a name. */
  readonly runnerUrl: string;
  /** Those with names. */
  readonly agents: readonly LocalAgent[];
  readonly fetch: RunnerFetch;
}

type InProcess = ReturnType<typeof createInProcessRunner>;

const FORM = "the http(s) URL of one, a function that yields events, or an AbstractAgent";
/** How the host name of an agent in this process ends: no name that anybody else has. */
const OWN_HOST = /\.agent-(\d+)\.invalid$/;

/** Throws TypeError for what is no runner. */
export function hostedAgents(runner: HostedRunner, logger: Logger): HostedAgents {
  const inProcess: InProcess[] = [];
  const overHttp = createRunnerFetch();

  function urlOf(source: string | Agent): string {
    if (typeof source === "string") return source;
    const place = inProcess.push(createInProcessRunner(source, { logger })) - 1;
    return `http://{session}.{project}.agent-${place}.invalid/`;
  }

  const fetch: RunnerFetch = (url, init) => {
    const [, place] = OWN_HOST.exec(new URL(url).hostname) ?? [];
    const own = place === undefined ? undefined : inProcess[Number(place)];
    return own ? own(new Request(url, init)) : overHttp(url, init);
  };

  if (isSource(runner, readOnlyUrl)) return { runnerUrl: urlOf(runner), agents: [], fetch };
  const agents = entriesOf(runner).map(([name, source]) => ({
    name,
    url: urlOf(source),
    description: descriptionOf(source),
  }));
  return { runnerUrl: agents[0]?.url ?? "", agents, fetch };
}

/** The URL of a runner whose agent has no name. */
function readOnlyUrl(text: string): string | null {
  return text.includes("{agent}") ? null : readRunnerUrl(text);
}

function isSource(
  value: unknown,
  readUrl: (text: string) => string | null,
): value is string | Agent {
  if (typeof value === "string") return readUrl(value) !== null;
  return typeof value === "function" || typeof Object(value).run === "function";
}

/** Types do not reach hosts that are written in JavaScript. */
function entriesOf(runner: unknown): (readonly [string, string | Agent])[] {
  const entries: [string, unknown][] =
    typeof runner === "object" && runner !== null ? Object.entries(runner) : [];
  if (entries.length === 0) throw noRunner();
  if (entries.length > MAX_AGENTS) throw new TypeError(`runner has more than ${MAX_AGENTS} agents`);
  return entries.map(([name, source]) => {
    if (!isAgentName(name) || name === "run")
      throw new TypeError(
        `"${name}" cannot be the name of an agent: ${AGENT_NAME_FORM}, and not "run"`,
      );
    if (isSource(source, readAgentUrl)) return [name, source];
    throw new TypeError(`The agent ${name} of runner must be ${FORM}`);
  });
}

export function noRunner(): TypeError {
  return new TypeError(`runner must be ${FORM}; or several of these by name`);
}

function descriptionOf(source: string | Agent): string | null {
  if (typeof source === "string") return null;
  const { description } = source;
  return typeof description === "string" && description.trim() !== "" ? description : null;
}
