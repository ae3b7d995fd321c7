import { createRequire } from "node:module";
import { loadClients } from "../support/agui-packages.ts";

/** What a client holds after it has seen a stream. */
interface ClientView {
  readonly messages: unknown;
  readonly state: unknown;
}

/** A published version of `@ag-ui/client`. */
export interface PublishedClient {
  readonly version: string;
  /** Feeds events to a fresh agent of this version; throws if the client rejects them. */
  replay(events: readonly unknown[]): Promise<ClientView>;
  /** `compactEvents` of this version, if it has one. */
  readonly compactEvents: ((events: unknown[]) => unknown[]) | undefined;
}

interface Agent extends ClientView {
  runAgent(input: object): Promise<unknown>;
}

interface ClientModule {
  readonly AbstractAgent: new (options: object) => Agent;
  readonly compactEvents?: (events: unknown[]) => unknown[];
}

const { from } = createRequire(import.meta.url)("rxjs") as {
  from: (events: readonly unknown[]) => unknown;
};

/** All versions that are tested, oldest first. */
export const PUBLISHED_CLIENTS: readonly PublishedClient[] = loadClients<ClientModule>().map(
  ({ version, package: client }) => {
    return {
      version,
      compactEvents: client.compactEvents,
      async replay(events) {
        class ReplayAgent extends client.AbstractAgent {
          run(): unknown {
            return from(events);
          }
        }
        const agent = new ReplayAgent({ threadId: "t" });
        await agent.runAgent({ runId: "request" });
        return { messages: plain(agent.messages), state: plain(agent.state) };
      },
    };
  },
);

/** As JSON, so that what is undefined is absent. */
function plain(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}
