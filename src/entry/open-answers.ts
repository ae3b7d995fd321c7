import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { problemAnswer } from "../http/problem.ts";
import type { HttpServer } from "./http-server.ts";

/** The requests that a server works on. */
export interface OpenAnswers {
  /** Resolves when each has at least the head of its answer, or its client has gone; rejects if `signal` aborts. */
  begun(signal: AbortSignal): Promise<void>;
  /** Answers the others as a server that stops does: their clients may ask again (PROTOCOL 4.6). */
  refuse(): void;
}

const LOOK_MS = 20;
const STOPPING = "Server is shutting down";

/** Follows the requests of `server` from now on. */
export function followAnswers(server: HttpServer): OpenAnswers {
  const open = new Set<ServerResponse>();
  server.prependListener("request", (_request, response: ServerResponse) => {
    open.add(response);
    response.once("close", () => open.delete(response));
  });
  return {
    async begun(signal) {
      // Node does not tell when a head is sent
      while ([...open].some(({ headersSent }) => !headersSent))
        await sleep(LOOK_MS, undefined, { signal });
    },

    refuse() {
      const { status, headers, body } = problemAnswer({ code: "overloaded", detail: STOPPING });
      for (const response of open)
        if (!response.headersSent) response.writeHead(status, headers).end(body);
    },
  };
}
