import type { SessionKey } from "../../src/ports/log-store.ts";
import { agentNotConfigured, agentOf, type NamedAgent } from "../../src/ports/named-agent.ts";
import type { SessionDirectory } from "../../src/ports/session-directory.ts";
import { labelOf } from "../../src/stream/text/dns-label.ts";

/** An agent, and the URL of its runner; `{agent}` is filled in as well. */
export interface LocalAgent extends Pick<NamedAgent, "name"> {
  readonly url: string;
  /** What it does, for people. Default null. */
  readonly description?: string | null;
}

export interface AddressesOptions {
  /** URL template of the one runner, where no agent has a name. */
  readonly runnerUrl: string;
  readonly agents: readonly LocalAgent[];
  /** The session's document, which says what agent it has. */
  readonly get: SessionDirectory["get"];
}

/** Where sessions' runners are. */
export function createAddresses(options: AddressesOptions): SessionDirectory["addressOf"] {
  const { runnerUrl, agents, get } = options;
  return async (key, preferred = null) => {
    if (agents.length === 0) return fillIn(runnerUrl, key);
    const document = await get(key);
    const name = (document && agentOf(document)) ?? preferred ?? agents[0]?.name ?? "";
    const agent = agents.find((each) => each.name === name);
    if (!agent) throw agentNotConfigured(agents, name);
    return fillIn(agent.url.replaceAll("{agent}", name), key);
  };
}

function fillIn(template: string, { project, session }: SessionKey): string {
  const url = template
    .replaceAll("{session}", labelOf(session))
    .replaceAll("{project}", encodeURIComponent(project));
  return url.endsWith("/") ? url : `${url}/`;
}
