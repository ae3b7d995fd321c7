import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { createDiskSpool } from "../../adapters/disk/index.ts";
import { createRelay, type Relay } from "../../src/relay/index.ts";

/** A relay for each session that has one, as in pods of their own; with its spool on disk. */
export interface Relays {
  /** Answers a request for a session's runner, unless the session has no relay. */
  answer(session: string, request: IncomingMessage, response: ServerResponse): boolean;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Most bytes in the spool of one of them. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Relays in front of the agent that `agentOf` names for a session; made when they are asked. */
export function createRelays(
  sessions: readonly string[],
  dir: string,
  agentOf: (session: string) => string,
): Relays {
  const relayed = new Set(sessions);
  const listeners = new Map<string, Promise<Listener>>();

  async function open(session: string): Promise<Listener> {
    const relay: Relay = await createRelay({
      fetch,
      agent: agentOf(session),
      spool: await createDiskSpool({ dir: join(dir, session) }),
      maxBytes: MAX_BYTES,
    });
    return getRequestListener(relay.fetch, { overrideGlobalObjects: false });
  }

  return {
    answer(session, request, response) {
      if (!relayed.has(session)) return false;
      let listener = listeners.get(session);
      if (!listener) listeners.set(session, (listener = open(session)));
      // a relay is at the root of its address
      request.url = request.url?.slice(session.length + 1) ?? "/";
      listener.then(
        (answer) => answer(request, response),
        (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
      );
      return true;
    },
  };
}
