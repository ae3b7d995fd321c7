import type { AbstractAgent, HttpAgent } from "@ag-ui/client";
import { vi } from "vitest";
import type { RunlogAgent } from "../../src/client/agent.ts";
import { loadClients } from "./agui-packages.ts";

/** An agent of ours over one published generation of `@ag-ui/client`, and that generation's own. */
export interface AgentGeneration {
  readonly version: string;
  readonly RunlogAgent: typeof RunlogAgent;
  readonly HttpAgent: typeof HttpAgent;
}

/** All generations that are tested, oldest first. */
export async function loadAgents(): Promise<readonly AgentGeneration[]> {
  const agents: AgentGeneration[] = [];
  for (const client of loadClients<{ readonly HttpAgent: typeof HttpAgent }>()) {
    vi.resetModules();
    vi.doMock("@ag-ui/client", () => ({ ...client.package }));
    const ours = (await import("../../src/client/agent.ts")) as {
      readonly RunlogAgent: typeof RunlogAgent;
    };
    agents.push({ version: client.version, ...ours, HttpAgent: client.package.HttpAgent });
  }
  vi.doUnmock("@ag-ui/client");
  return agents;
}

/** Generations whose `HttpAgent` drops what it does not know of; those are of before metadata. */
const WITHOUT_METADATA: ReadonlySet<string> = new Set(["0.0.46", "0.0.52", "0.0.57", "0.0.58"]);

/** What an agent holds, as JSON. */
export interface ClientView {
  readonly messages: readonly {
    readonly id: string;
    readonly role: string;
    readonly content?: unknown;
    readonly toolCalls?: readonly { readonly id: string }[];
  }[];
  readonly state: unknown;
}

/** What an agent of this version holds, as JSON, so that what is undefined is absent. */
export function viewOf(
  { messages, state }: Pick<AbstractAgent, "messages" | "state">,
  version: string,
): ClientView {
  const isDropped = (key: string): boolean => key === "metadata" && WITHOUT_METADATA.has(version);
  const json = JSON.stringify(messages, (key, value: unknown) =>
    isDropped(key) ? undefined : value,
  );
  return {
    messages: JSON.parse(json) as ClientView["messages"],
    state: JSON.parse(JSON.stringify(state ?? null)) as unknown,
  };
}
